// Takes an invoice back: shows what the run of the credit note would be started with and what was taken back before, and starts it.

import { Button, Modal } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, ask } from "~/api/client";
import type { CreditNoteDraft, RunDetail, RunInvoice } from "~/api/types";
import { keys } from "~/lib/queries";
import { useFocusBack } from "~/ui/focus";
import { Loading } from "~/ui/Page";
import { ErrorPanel, InlineError } from "~/ui/Problem";
import { ValueEditor } from "~/ui/ValueEditor";
import page from "../RunPage.module.css";
import classes from "./credit.module.css";
import { CreditNotes } from "./CreditNotes";
import { amountText, standing, type Standing } from "./standing";

export function CreditNote({ run, invoice, close }: { run: RunDetail; invoice: RunInvoice; close: () => void }) {
  const { t } = useTranslation("run-credit");
  const { t: common } = useTranslation();
  const { node, item_path } = invoice;
  const draft = useQuery({
    queryKey: [...keys.run(run.id), "credit-note", node, item_path],
    queryFn: () => ask(api.GET("/api/runs/{id}/credit-note", { params: { path: { id: run.id }, query: { node, item_path } } })),
    // What was taken back since must be seen before more is.
    staleTime: 0,
    gcTime: 0,
  });
  useFocusBack();
  return (
    <Modal opened onClose={close} size="lg" title={t("title", { number: invoice.number })} closeButtonProps={{ "aria-label": common("common.close") }}>
      {draft.isError ? (
        <ErrorPanel error={draft.error} retry={() => void draft.refetch()} />
      ) : draft.data === undefined ? (
        <Loading lines={4} />
      ) : (
        <Form draft={draft.data} close={close} />
      )}
    </Modal>
  );
}

function Form({ draft, close }: { draft: CreditNoteDraft; close: () => void }) {
  const { t } = useTranslation("run-credit");
  const { t: common } = useTranslation();
  const navigate = useNavigate();
  const { invoice } = draft;
  const [value, setValue] = useState<unknown>(draft.input);
  const found = standing(invoice, draft.input, value);
  const start = useMutation({
    mutationFn: () =>
      ask(
        api.POST("/api/workflows/{id}/runs", {
          // Whoever asks twice is led to the credit note that there is.
          params: { path: { id: draft.workflow }, header: { "idempotency-key": draft.idempotency_key } },
          body: { input: value as Record<string, never>, trigger: draft.trigger, title: t("title", { number: invoice.number }) },
        }),
      ),
    onSuccess: (next) => navigate({ to: "/runs/$id", params: { id: next.id } }),
  });
  return (
    <>
      <p className={page.hint}>{t("hint", { number: invoice.number, name: draft.name })}</p>
      <CreditNotes notes={invoice.credit_notes} />
      <Told invoice={invoice} found={found} />
      <ValueEditor value={value} change={setValue} label={common("run.input")} />
      {start.error !== null && <InlineError error={start.error} />}
      <div className={page.buttons}>
        <Button variant="default" onClick={close}>
          {common("common.cancel")}
        </Button>
        <Button loading={start.isPending} onClick={() => start.mutate()}>
          {t(found.kind === "over" || found.kind === "spent" ? "start_anyway" : "start")}
        </Button>
      </div>
    </>
  );
}

function Told({ invoice, found }: { invoice: RunInvoice; found: Standing }) {
  const { t, i18n } = useTranslation("run-credit");
  const { total, credited, left } = invoice;
  const { kind, about } = found;
  if (kind === "free") return null;
  if (kind === "unknown" || total === null || credited === null || left === null) {
    return (
      <p className={classes.warning} role="alert">
        {t("standing.unknown")}
      </p>
    );
  }
  const written = {
    total: amountText(total, i18n.language),
    credited: amountText(credited, i18n.language),
    left: amountText(left, i18n.language),
    about: about === null ? "" : amountText(about, i18n.language),
  };
  return kind === "part" ? (
    <p className={page.hint} role="status">
      {t(about === null ? "standing.part" : "standing.part_about", written)}
    </p>
  ) : (
    <p className={classes.warning} role="alert">
      {t(`standing.${kind}`, written)}
    </p>
  );
}
