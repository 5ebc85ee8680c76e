// Takes the invoice of a run back: shows what the run of the credit note would be started with, and starts it.

import { Button, Modal } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Undo2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, ask } from "~/api/client";
import type { CreditNoteDraft, RunDetail } from "~/api/types";
import { addMessages } from "~/i18n/i18n";
import { keys } from "~/lib/queries";
import { useFocusBack } from "~/ui/focus";
import { Loading } from "~/ui/Page";
import { ErrorPanel, InlineError } from "~/ui/Problem";
import { ValueEditor } from "~/ui/ValueEditor";
import classes from "../RunPage.module.css";

await addMessages("run-credit", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

export default function CreditNote({ run }: { run: RunDetail }) {
  const { t } = useTranslation("run-credit");
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button variant="default" leftSection={<Undo2 size={15} strokeWidth={1.75} />} onClick={() => setOpen(true)}>
        {t("make")}
      </Button>
      {open && <Draft run={run} close={() => setOpen(false)} />}
    </>
  );
}

function Draft({ run, close }: { run: RunDetail; close: () => void }) {
  const { t } = useTranslation("run-credit");
  const { t: common } = useTranslation();
  const draft = useQuery({
    queryKey: [...keys.run(run.id), "credit-note"],
    queryFn: () => ask(api.GET("/api/runs/{id}/credit-note", { params: { path: { id: run.id } } })),
  });
  useFocusBack();
  return (
    <Modal opened onClose={close} size="lg" title={t("make")} closeButtonProps={{ "aria-label": common("common.close") }}>
      {draft.isError ? (
        <ErrorPanel error={draft.error} retry={() => void draft.refetch()} />
      ) : draft.data === undefined ? (
        <Loading lines={4} />
      ) : (
        <Form run={run} draft={draft.data} close={close} />
      )}
    </Modal>
  );
}

function Form({ run, draft, close }: { run: RunDetail; draft: CreditNoteDraft; close: () => void }) {
  const { t } = useTranslation("run-credit");
  const { t: common } = useTranslation();
  const navigate = useNavigate();
  const [value, setValue] = useState<unknown>(draft.input);
  const start = useMutation({
    mutationFn: () =>
      ask(
        api.POST("/api/workflows/{id}/runs", {
          // Whoever asks twice is led to the credit note that there is.
          params: { path: { id: draft.workflow }, header: { "idempotency-key": `credit-note-${run.id}` } },
          body: { input: value as Record<string, never>, trigger: draft.trigger, title: t("title", { number: draft.invoice_number }) },
        }),
      ),
    onSuccess: (next) => navigate({ to: "/runs/$id", params: { id: next.id } }),
  });
  return (
    <>
      <p className={classes.hint}>{t("hint", { number: draft.invoice_number, name: draft.name })}</p>
      {draft.made_before !== null && (
        <p className={classes.hint}>
          {t("before")}{" "}
          <Link to="/runs/$id" params={{ id: draft.made_before }} className="link">
            {t("open")}
          </Link>
        </p>
      )}
      <ValueEditor value={value} change={setValue} label={common("run.input")} />
      {start.error !== null && <InlineError error={start.error} />}
      <div className={classes.buttons}>
        <Button variant="default" onClick={close}>
          {common("common.cancel")}
        </Button>
        <Button loading={start.isPending} onClick={() => start.mutate()}>
          {t("start")}
        </Button>
      </div>
    </>
  );
}
