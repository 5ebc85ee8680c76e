// Asks before what has not begun of a stopped batch is given up: rows, and tries of rows that failed.

import { Button, Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, ask } from "~/api/client";
import type { Batch } from "~/api/types";
import { keys } from "~/lib/queries";
import { useFocusBack } from "~/ui/focus";
import { InlineError } from "~/ui/Problem";
import classes from "./batch.module.css";

export function DiscardDialog({ batch, close }: { batch: Batch; close: () => void }) {
  const { t } = useTranslation("batch");
  useFocusBack();
  const client = useQueryClient();
  // As it was asked: what is discarded counts as nothing before the dialog is gone.
  const [{ ready, begun }] = useState(batch.counts);
  const discard = useMutation({
    mutationFn: () => ask(api.POST("/api/batches/{id}/discard", { params: { path: { id: batch.id } } })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.batches });
      close();
    },
  });
  return (
    <Modal opened onClose={close} title={t("discard.title", { name: batch.name })} withCloseButton={false}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          discard.mutate();
        }}
      >
        <p className={classes.small}>
          {t("discard.text", { count: ready })}
          {begun > 0 && ` ${t("discard.begun", { count: begun })}`}
        </p>
        {discard.isError && <InlineError error={discard.error} />}
        <div className={classes.buttons}>
          <Button type="submit" color="red" loading={discard.isPending}>{t("discard.now", { count: ready })}</Button>
          <Button variant="default" onClick={close} data-autofocus>{t("discard.keep")}</Button>
        </div>
      </form>
    </Modal>
  );
}
