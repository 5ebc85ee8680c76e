// Which typed fields of a document a step fills in: its fields with their limits, each on or off, where nothing chosen means all it can; or
// the one field that a text is for.

import { Checkbox, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Lock } from "lucide-react";
import { useTranslation } from "react-i18next";

import { fieldTitle } from "~/lib/expression/kind";
import type { Field, Kind } from "~/lib/expression/kind";
import { documentFields } from "../documentFields";
import { KindIcon } from "../icons";
import { useEditor } from "../state/store";
import type { WidgetProps } from "./widget";
import classes from "./widgets.module.css";

/** What a step that writes may fill in: dates, amounts and files stay as entered. */
function isWords(kind: Kind): boolean {
  if (kind.kind === "list") return isWords(kind.item);
  if (kind.kind === "record") return kind.fields.every(isWords);
  return ["text", "choice", "yes_no"].includes(kind.kind);
}

/** The document that the setting beside this one names, and its fields. */
function useDeclared({ scope, schema }: Pick<WidgetProps, "scope" | "schema">) {
  const from = schema["x-keys"]?.document_fields;
  const named = from ? scope.config[from] : null;
  const id = typeof named === "string" ? named : "";
  const fields = useQuery({ ...documentFields(id), enabled: id !== "" });
  return { id, known: fields.data ?? [] };
}

export function DocumentFieldWidget({ scope, schema, label, help, error, value, onChange }: WidgetProps) {
  const { id, known } = useDeclared({ scope, schema });
  const chosen = typeof value === "string" ? value : "";
  const offered = known.filter((field) => field.kind === "text").map((field) => ({ value: field.name, label: fieldTitle(field) }));
  const isGone = chosen !== "" && !offered.some((field) => field.value === chosen);
  // Without a document there is nothing to choose from.
  if (!id && !error) return null;
  return (
    <Select
      label={label} description={help || undefined} inputWrapperOrder={["label", "input", "description", "error"]} error={error}
      data={isGone ? [...offered, { value: chosen, label: chosen }] : offered} value={chosen || null} clearable
      onChange={(next) => onChange(next ?? undefined)}
    />
  );
}

export function DocumentFieldsWidget({ scope, schema, label, help, error, value, onChange }: WidgetProps) {
  const { t } = useTranslation("editor");
  const { id, known } = useDeclared({ scope, schema });
  const output = useEditor((state) => state.checked?.nodes[scope.step]?.output);
  const chosen = Array.isArray(value) ? value.map(String) : [];
  // Without a choice the step's own output says what it fills in.
  const filled = output?.kind === "record" ? output.fields.map((field) => field.name) : [];
  const on = chosen.length > 0 ? chosen : known.map((field) => field.name).filter((name) => filled.includes(name));
  const offered = known.filter((field) => scope.family !== "written" || isWords(field) || on.includes(field.name));
  const limit = (field: Kind) => {
    if (field.kind === "text" && field.max_length) return t("output.letters", { count: field.max_length });
    if (field.kind === "list" && field.max_items) return t("output.atMost", { count: field.max_items });
    return t(`kind.${field.kind}`);
  };
  const columns = (field: Field): Field[] => (field.kind === "list" && field.item.kind === "record" ? field.item.fields : field.kind === "record" ? field.fields : []);
  // Without a document there is nothing to choose from.
  if (!id && !error) return null;
  return (
    <div>
      <div className={classes["labelRow"]}><span className={classes["label"]}>{label}</span></div>
      {error && <div className={classes["error"]}>{error}</div>}
      {offered.length === 0 && <div className={classes["help"]}>{help}</div>}
      {offered.length > 0 && (
        <div className={classes["box"]} role="group" aria-label={label}>
          <div className={classes["boxHead"]}><span>{t("output.field")}</span><span>{t("output.limit")}</span></div>
          {offered.map((field) => {
            const last = on.length === 1 && on[0] === field.name;
            return (
              <div className={classes["item"]} key={field.name}>
                <label className={classes["pick"]}>
                  <Checkbox
                    size="xs" checked={on.includes(field.name)} disabled={last}
                    onChange={(event) => onChange(event.currentTarget.checked ? [...on, field.name] : on.filter((name) => name !== field.name))}
                  />
                  <span className={classes["itemIcon"]}><KindIcon kind={field.kind} /></span>
                  <span className={classes["itemName"]}>{fieldTitle(field)}</span>
                  <span className={classes["itemKind"]}>{limit(field)}</span>
                </label>
                {columns(field).map((column) => (
                  <div className={classes["pickColumn"]} key={column.name}>
                    <span className={classes["itemIcon"]}><KindIcon kind={column.kind} /></span>{fieldTitle(column)}
                    <span className={classes["itemKind"]}>{limit(column)}</span>
                  </div>
                ))}
              </div>
            );
          })}
          {scope.family === "written" && <div className={classes["locked"]}><Lock size={14} aria-hidden />{t("output.locked")}</div>}
        </div>
      )}
    </div>
  );
}
