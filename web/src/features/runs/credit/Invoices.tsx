// The invoices that a run made: what was taken back of each, and the button that takes it back.

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Undo2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, ask } from "~/api/client";
import type { RunDetail, RunInvoice } from "~/api/types";
import { addMessages } from "~/i18n/i18n";
import { keys } from "~/lib/queries";
import { Loading } from "~/ui/Page";
import { ErrorPanel } from "~/ui/Problem";
import page from "../RunPage.module.css";
import classes from "./credit.module.css";
import { CreditNote } from "./CreditNote";
import { CreditNotes } from "./CreditNotes";
import { amountText, excess } from "./standing";

await addMessages("run-credit", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

export default function Invoices({ run }: { run: RunDetail }) {
  const { t } = useTranslation("run-credit");
  const [open, setOpen] = useState<RunInvoice | null>(null);
  const invoices = useQuery({
    queryKey: [...keys.run(run.id), "invoices"],
    queryFn: () => ask(api.GET("/api/runs/{id}/invoices", { params: { path: { id: run.id } } })),
  });
  return (
    <section className={page.card}>
      <h2>{t("invoices")}</h2>
      {invoices.isError ? (
        <ErrorPanel error={invoices.error} retry={() => void invoices.refetch()} />
      ) : invoices.data === undefined ? (
        <Loading lines={2} />
      ) : (
        <ul className={classes.invoices}>
          {invoices.data.map((invoice) => (
            <Invoice key={`${invoice.node}@${invoice.item_path}`} invoice={invoice} make={() => setOpen(invoice)} />
          ))}
        </ul>
      )}
      {open !== null && <CreditNote run={run} invoice={open} close={() => setOpen(null)} />}
    </section>
  );
}

function Invoice({ invoice, make }: { invoice: RunInvoice; make: () => void }) {
  const { t, i18n } = useTranslation("run-credit");
  const over = excess(invoice);
  return (
    <li>
      <div className={classes.invoice}>
        <span>
          {invoice.number}
          {invoice.total !== null && <span className={`num ${classes.total}`}>{amountText(invoice.total, i18n.language)}</span>}
        </span>
        <Button variant="default" size="compact-sm" leftSection={<Undo2 size={15} strokeWidth={1.75} />} onClick={make}>
          {t("make_for", { number: invoice.number })}
        </Button>
      </div>
      <CreditNotes notes={invoice.credit_notes} />
      {over !== null && <p className={classes.warning}>{t("excess", { amount: amountText(over, i18n.language) })}</p>}
    </li>
  );
}
