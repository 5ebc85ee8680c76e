// The controls of single values, of plain lists and of nested objects.

import { ActionIcon, NumberInput, Select, Switch, Textarea, TextInput } from "@mantine/core";
import { Plus, Trash2 } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";

import { initialConfig } from "~/lib/document/edits";
import { isObject } from "~/lib/document/pointer";
import type { Json } from "~/lib/document/types";
import { onlyChip } from "~/lib/expression/template";
import { resolve } from "~/lib/expression/values";
import type { Source } from "~/lib/expression/values";
import { typedNumber } from "~/lib/typed-number";
import { TemplateField } from "../chips/TemplateField";
import { ValueField } from "../chips/ValueField";
import { Items } from "./Items";
import { choicesOf, deref, isNullable, typeOf } from "./schema";
import { SchemaField, SchemaForm } from "./SchemaField";
import type { WidgetProps } from "./widget";
import classes from "./widgets.module.css";

const text = (value: unknown) => (typeof value === "string" ? value : value === null || value === undefined ? "" : String(value));

export function TextWidget({ label, help, error, required, value, schema, onChange }: WidgetProps) {
  const date = schema.format === "date" || schema.format === "civil-date";
  return (
    <TextInput
      label={label} description={help || undefined} inputWrapperOrder={["label", "input", "description", "error"]} error={error} withAsterisk={required}
      type={date ? "date" : "text"} value={text(value ?? schema.default)} maxLength={schema.maxLength}
      onChange={(event) => onChange(event.currentTarget.value === "" && (date || isNullable(schema)) ? undefined : event.currentTarget.value)}
    />
  );
}

export function TextareaWidget({ label, help, error, required, value, onChange }: WidgetProps) {
  return (
    <Textarea
      label={label} description={help || undefined} inputWrapperOrder={["label", "input", "description", "error"]} error={error} withAsterisk={required}
      autosize minRows={2} maxRows={10} value={text(value)} onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

const LINES = /name|title|subject|url|label|address|key|path/;

export function TemplateWidget({ scope, path, schema, label, help, error, required, value, wanted, onChange }: WidgetProps) {
  const last = String(path.at(-1) ?? "");
  return (
    <TemplateField
      label={label} help={help} error={error} required={required} value={text(value ?? schema.default)} sources={scope.sources} wanted={wanted}
      size={schema.format === "line" || LINES.test(last) ? "line" : "text"} onChange={onChange} onGoTo={scope.goTo}
    />
  );
}

export function ValueWidget({ scope, schema, label, help, error, value, wanted, onChange }: WidgetProps) {
  return (
    <div>
      <div className={classes["labelRow"]}><span className={classes["label"]}>{label}</span></div>
      <ValueField label={label} value={text(value ?? schema.default)} sources={scope.sources} wanted={wanted} onChange={onChange} onGoTo={scope.goTo} />
      {error && <div className={classes["error"]}>{error}</div>}
      {help && <div className={classes["help"]}>{help}</div>}
    </div>
  );
}

export function NumberWidget({ label, help, error, required, value, schema, onChange }: WidgetProps) {
  const integer = typeOf(schema) === "integer";
  return (
    <NumberInput
      label={label} description={help || undefined} inputWrapperOrder={["label", "input", "description", "error"]} error={error} withAsterisk={required}
      value={typeof value === "number" || typeof value === "string" ? value : ""} placeholder={text(schema.default)} allowDecimal={!integer} min={schema.minimum} max={schema.maximum}
      step={integer ? 1 : 0.1} onChange={(next) => onChange(next === "" ? undefined : next)}
    />
  );
}

export function ToggleWidget({ label, help, error, value, schema, onChange }: WidgetProps) {
  const id = useId();
  return (
    <div className={classes["switchRow"]}>
      <div>
        <label className={classes["label"]} htmlFor={id}>{label}</label>
        {help && <div className={classes["help"]} id={`${id}-help`}>{help}</div>}
        {error && <div className={classes["error"]}>{error}</div>}
      </div>
      <Switch id={id} aria-describedby={help ? `${id}-help` : undefined} checked={(value ?? schema.default) === true} onChange={(event) => onChange(event.currentTarget.checked)} />
    </div>
  );
}

export function SelectWidget({ scope, label, help, error, required, value, schema, onChange }: WidgetProps) {
  const choices = choicesOf(schema, scope.definitions) ?? [];
  const chosen = text(value ?? schema.default);
  const unknown = chosen !== "" && !choices.some((choice) => choice.value === chosen);
  return (
    <Select
      label={label} description={help || undefined} inputWrapperOrder={["label", "input", "description", "error"]} error={error} withAsterisk={required}
      data={unknown ? [...choices, { value: chosen, label: chosen }] : choices} value={chosen || null}
      clearable={!required && schema.default === undefined} allowDeselect={false} searchable={choices.length > 8}
      onChange={(next) => onChange(next ?? undefined)}
    />
  );
}

const UNITS = [["ms", 1], ["s", 1000], ["min", 60_000], ["h", 3_600_000], ["d", 86_400_000]] as const;

/** Milliseconds, typed in the unit that reads best. */
export function DurationWidget({ label, help, error, required, value, schema, onChange }: WidgetProps) {
  const { t } = useTranslation("editor");
  const ms = typeof value === "number" ? value : typeof schema.default === "number" ? schema.default : null;
  const fitting = ms ? [...UNITS].reverse().find(([, size]) => ms % size === 0 && ms >= size) : undefined;
  const [chosen, setChosen] = useState<string | null>(null);
  const unit = chosen ?? fitting?.[0] ?? "s";
  const size = UNITS.find(([name]) => name === unit)?.[1] ?? 1000;
  return (
    <div className={classes["row"]} style={{ alignItems: "flex-end" }}>
      <NumberInput
        className={classes["grow"]} label={label} description={help || undefined} inputWrapperOrder={["label", "input", "description", "error"]} error={error} withAsterisk={required}
        min={0} value={ms === null ? "" : ms / size} onChange={(next) => {
          const count = typedNumber(next);
          onChange(count === undefined ? undefined : Math.round(count * size));
        }}
      />
      <Select
        w={110} aria-label={t("duration.unit")} allowDeselect={false} value={unit}
        data={UNITS.map(([name]) => ({ value: name, label: t(`duration.${name}`) }))}
        onChange={(next) => {
          setChosen(next);
          const nextSize = UNITS.find(([name]) => name === next)?.[1] ?? 1000;
          if (ms !== null) onChange(Math.round((ms / size) * nextSize));
        }}
      />
    </div>
  );
}

/** What an entry of a list is called: its own name, or the value that it looks at. */
function titleOf(entry: Json, sources: readonly Source[]): string {
  if (!isObject(entry)) return text(entry);
  const named = [entry["title"], entry["label"], entry["heading"], entry["name"]].find((part) => typeof part === "string" && part !== "");
  if (named) return text(named);
  const chip = onlyChip(text(entry["value"]));
  return chip ? resolve(sources, chip.path).title : text(Object.values(entry).find((part) => typeof part === "string"));
}

export function ListWidget({ scope, path, schema, label, help, error, value, onChange }: WidgetProps) {
  const { t } = useTranslation("editor");
  const [open, setOpen] = useState<number | null>(null);
  const entries = Array.isArray(value) ? value : [];
  const item = deref(schema.items ?? {}, scope.definitions);
  const fresh = () => (typeOf(item) === "object" ? initialConfig(item, scope.definitions) : typeOf(item) === "array" ? [] : typeOf(item) === "boolean" ? false : typeOf(item) === "integer" || typeOf(item) === "number" ? 0 : "");
  const head = (
    <>
      <div className={classes["labelRow"]}><span className={classes["label"]}>{label}</span></div>
      {help && <div className={classes["help"]} style={{ marginBlockEnd: 6 }}>{help}</div>}
      {error && <div className={classes["error"]}>{error}</div>}
    </>
  );
  if (typeOf(item) === "object") {
    return (
      <div>
        {head}
        <Items
          label={label} items={entries} open={open} onOpen={setOpen} addLabel={t("items.add")}
          title={(entry) => titleOf(entry, scope.sources) || t("items.unnamed")}
          onChange={(next) => onChange(next)}
          onAdd={() => {
            onChange([...entries, fresh()]);
            setOpen(entries.length);
          }}
          body={(_, index) => <SchemaForm scope={scope} schema={item} path={[...path, index]} />}
        />
      </div>
    );
  }
  return (
    <div>
      {head}
      <div className={classes["options"]}>
        {entries.map((_, index) => (
          <div className={classes["row"]} style={{ alignItems: "flex-end" }} key={index}>
            <div className={classes["grow"]}>
              <SchemaField scope={scope} schema={schema.items ?? {}} path={[...path, index]} label={`${label} ${index + 1}`} />
            </div>
            <ActionIcon aria-label={t("items.remove", { name: `${label} ${index + 1}` })} onClick={() => onChange(entries.filter((_entry, other) => other !== index))}><Trash2 size={14} /></ActionIcon>
          </div>
        ))}
      </div>
      <button type="button" className={classes["add"]} aria-label={t("items.addTo", { name: label })} onClick={() => onChange([...entries, fresh()])}><Plus size={14} aria-hidden />{t("items.add")}</button>
    </div>
  );
}

export function ObjectWidget({ scope, path, schema, label, help, error }: WidgetProps) {
  return (
    <fieldset className={classes["box"]} style={{ padding: "10px 12px 12px", margin: 0 }}>
      <legend className={classes["label"]}>{label}</legend>
      {help && <div className={classes["help"]}>{help}</div>}
      {error && <div className={classes["error"]}>{error}</div>}
      <SchemaForm scope={scope} schema={schema} path={path} />
    </fieldset>
  );
}

/** The last resort: the value as it is stored, kept word for word while it does not read. */
export function JsonWidget({ label, help, error, value, onChange }: WidgetProps) {
  const { t } = useTranslation("editor");
  const [draft, setDraft] = useState<string | null>(null);
  const shown = draft ?? (value === undefined ? "" : JSON.stringify(value, null, 2));
  return (
    <Textarea
      label={label} description={help || undefined} inputWrapperOrder={["label", "input", "description", "error"]}
      error={draft !== null ? t("json.unreadable") : error} autosize minRows={2} maxRows={16} ff="monospace" value={shown}
      onChange={(event) => {
        const next = event.currentTarget.value;
        try {
          onChange(next.trim() === "" ? undefined : JSON.parse(next));
          setDraft(null);
        } catch {
          setDraft(next);
        }
      }}
    />
  );
}
