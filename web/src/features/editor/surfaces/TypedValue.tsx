// One value of the sample as its kind is typed: groups and lists open to their own values. An answer stays as it was typed; only
// the server decides what it means.

import { ActionIcon, Checkbox, Select, Textarea, TextInput } from "@mantine/core";
import { Plus, X } from "lucide-react";
import { useTranslation } from "react-i18next";

import { isObject, without } from "~/lib/document/pointer";
import type { Json, JsonObject } from "~/lib/document/types";
import { isMoney } from "~/lib/expression/format";
import { fieldTitle } from "~/lib/expression/kind";
import type { Field, Kind } from "~/lib/expression/kind";
import { KindIcon } from "../icons";
import classes from "./surfaces.module.css";

interface Props {
  label: string;
  kind: Kind;
  value: Json | undefined;
  currency: string;
  onChange: (value: Json | undefined) => void;
}

const plain = (text: string) => text.trim().replace(",", ".");
const asText = (value: Json | undefined) => (value === undefined || value === null ? "" : typeof value === "string" ? value : isMoney(value) ? value.amount : JSON.stringify(value));
const LONG = 80;

export function TypedValue({ label, kind, value, currency, onChange }: Props) {
  const { t } = useTranslation("editor");
  const text = asText(value);
  const line = (read: (typed: string) => Json | undefined, more: { inputMode?: "numeric" | "decimal"; type?: string; placeholder?: string } = {}) => (
    <TextInput label={label} value={text} {...more} onChange={(event) => onChange(event.currentTarget.value === "" ? undefined : read(event.currentTarget.value))} />
  );
  switch (kind.kind) {
    case "record":
      return <TypedFields label={label} fields={kind.fields} value={isObject(value) ? value : {}} currency={currency} onChange={onChange} />;
    case "list": {
      const entries = Array.isArray(value) ? value : [];
      return (
        <fieldset className={classes["typed"]}>
          <legend><KindIcon kind="list" />{label}</legend>
          {entries.map((entry, index) => (
            <div className={classes["typedRow"]} key={index}>
              <TypedValue label={t("data.entry", { number: index + 1 })} kind={kind.item} value={entry} currency={currency} onChange={(next) => onChange(entries.map((other, at) => (at === index ? (next ?? null) : other)))} />
              <ActionIcon size={24} aria-label={t("form.removeRow", { number: index + 1 })} onClick={() => onChange(entries.filter((_, at) => at !== index))}><X size={14} /></ActionIcon>
            </div>
          ))}
          <button type="button" className={classes["typedAdd"]} onClick={() => onChange([...entries, kind.item.kind === "record" ? {} : ""])}><Plus size={14} aria-hidden />{t("form.addRow")}</button>
        </fieldset>
      );
    }
    case "yes_no":
      return <Checkbox label={label} checked={value === true} onChange={(event) => onChange(event.currentTarget.checked)} />;
    case "choice":
      return <Select label={label} clearable value={text || null} data={kind.options.map((option) => ({ value: option.value, label: option.title || option.value }))} onChange={(next) => onChange(next ?? undefined)} />;
    case "integer":
      return line((typed) => (/^-?\d{1,15}$/.test(typed.trim()) ? Number(typed) : typed), { inputMode: "numeric" });
    case "decimal":
      return line(plain, { inputMode: "decimal" });
    case "money":
      return line((typed) => ({ amount: plain(typed), currency: isMoney(value) ? value.currency : currency }), { inputMode: "decimal", placeholder: currency });
    case "date":
      return line((typed) => typed, { type: "date" });
    case "file":
      return <TextInput label={label} readOnly value={isObject(value) ? String(value["name"] ?? "") : ""} placeholder={t("form.fileHere")} />;
    case "text":
    case "time":
    case "instant":
    case "any":
      return text.length > LONG || text.includes("\n") ? <Textarea label={label} autosize minRows={2} value={text} onChange={(event) => onChange(event.currentTarget.value)} /> : line((typed) => typed);
  }
}

interface FieldsProps {
  label: string;
  fields: readonly Field[];
  value: JsonObject;
  currency: string;
  onChange: (value: JsonObject) => void;
}

export function TypedFields({ label, fields, value, currency, onChange }: FieldsProps) {
  return (
    <fieldset className={classes["typed"]}>
      <legend><KindIcon kind="record" />{label}</legend>
      <div className={classes["typedFields"]}>
        {fields.map((field) => (
          <TypedValue
            key={field.name} label={fieldTitle(field)} kind={field} value={value[field.name]} currency={currency}
            onChange={(next) => onChange(next === undefined ? without(value, field.name) : { ...value, [field.name]: next })}
          />
        ))}
      </div>
    </fieldset>
  );
}
