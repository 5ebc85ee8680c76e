// What warnings about a document do to the step that makes it, in the whole workflow.

import { Switch } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useDocument, useStore } from "../state/store";
import classes from "./inspector.module.css";

export function DocumentWarnings() {
  const { t } = useTranslation("editor");
  const store = useStore();
  const stops = useDocument().document_warnings === "stop";
  const set = (next: "warn" | "stop") => store.edit(t("documentWarnings.title"), (current) => ({ ...current, document_warnings: next }), "document_warnings");
  return (
    <div>
      <Switch label={t("documentWarnings.title")} checked={stops} onChange={(event) => set(event.currentTarget.checked ? "stop" : "warn")} />
      <p className={classes["words"]}>{t(stops ? "documentWarnings.stop" : "documentWarnings.warn")}</p>
    </div>
  );
}
