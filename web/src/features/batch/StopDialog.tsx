// Asks whether only further rows are kept from beginning, or runs that have begun are stopped as well.

import { Button, Checkbox, Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, ask } from "~/api/client";
import type { Batch } from "~/api/types";
import { keys } from "~/lib/queries";
import { useFocusBack } from "~/ui/focus";
import { InlineError } from "~/ui/Problem";
import classes from "./batch.module.css";

export function StopDialog({ batch, close }: { batch: Batch; close: () => void }) {
  const { t } = useTranslation("batch");
  useFocusBack();
  const client = useQueryClient();
  const [runs, setRuns] = useState(batch.state === "stopped");
  const stop = useMutation({
    mutationFn: () => ask(api.POST("/api/batches/{id}/stop", { params: { path: { id: batch.id } }, body: { runs } })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.batches });
      close();
    },
  });
  return (
    <Modal opened onClose={close} title={t("stopTitle", { name: batch.name })} withCloseButton={false}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          stop.mutate();
        }}
      >
        <p className={classes.small}>{t("stopText", { count: batch.counts.ready })}</p>
        {batch.counts.begun > 0 && <Checkbox label={t("stopRuns", { count: batch.counts.begun })} checked={runs} onChange={(event) => setRuns(event.currentTarget.checked)} />}
        {stop.isError && <InlineError error={stop.error} />}
        <div className={classes.buttons}>
          <Button type="submit" loading={stop.isPending} data-autofocus>{t("stopBatch")}</Button>
          <Button variant="default" onClick={close}>{t("goOn")}</Button>
        </div>
      </form>
    </Modal>
  );
}
