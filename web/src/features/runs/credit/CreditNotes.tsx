// The credit notes that were made for an invoice, each with its run.

import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { TakenBack } from "~/api/types";
import { useFormat } from "~/lib/format";
import { State } from "~/ui/State";
import classes from "./credit.module.css";
import { amountText } from "./standing";

export function CreditNotes({ notes }: { notes: TakenBack[] }) {
  const { t, i18n } = useTranslation("run-credit");
  const format = useFormat();
  if (notes.length === 0) return null;
  return (
    <ul className={classes.notes} aria-label={t("notes")}>
      {notes.map((note) => (
        <li key={note.run}>
          <Link to="/runs/$id" params={{ id: note.run }} className="link">
            {note.title || t("note")}
          </Link>
          <State state={note.state} />
          <span title={format.exact(note.created_at)}>{format.when(note.created_at)}</span>
          {note.amount !== null && <span className="num">{amountText(note.amount, i18n.language)}</span>}
        </li>
      ))}
    </ul>
  );
}
