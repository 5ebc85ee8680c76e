// The typed values a step fills in or expects, with their limits; lists and groups open to their own fields.

import { ActionIcon, Switch, TextInput } from "@mantine/core";
import { Lock, Plus, Trash2 } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";

import { freshName, slug } from "~/lib/document/ids";
import { isObject, without } from "~/lib/document/pointer";
import type { Json, JsonObject } from "~/lib/document/types";
import type { KindName } from "~/lib/expression/kind";
import { KindIcon } from "../icons";
import { Items } from "./Items";
import { KindSelect, Limits, withKind } from "./kinds";
import type { WidgetProps } from "./widget";
import classes from "./widgets.module.css";

const KINDS: readonly KindName[] = ["text", "integer", "decimal", "yes_no", "choice", "date", "money", "list", "record"];

const text = (item: JsonObject, key: string) => (typeof item[key] === "string" ? (item[key] as string) : "");

export function OutputFieldsWidget({ scope, label, help, error, value, onChange }: WidgetProps) {
  const { t } = useTranslation("editor");
  const written = scope.family === "written";
  return (
    <div>
      <div className={classes["labelRow"]}><span className={classes["label"]}>{label}</span></div>
      {help && <div className={classes["help"]} style={{ marginBlockEnd: 6 }}>{help}</div>}
      {error && <div className={classes["error"]}>{error}</div>}
      <FieldList
        label={label} value={value} onChange={onChange} depth={0}
        head={<><span>{t("output.field")}</span><span>{t("output.limit")}</span></>}
        foot={written ? <div className={classes["locked"]}><Lock size={14} aria-hidden />{t("output.locked")}</div> : undefined}
      />
    </div>
  );
}

interface ListProps {
  label: string;
  value: Json | undefined;
  onChange: (value: Json) => void;
  depth: number;
  /** What a value can be. */
  kinds?: readonly KindName[];
  head?: React.ReactNode;
  foot?: React.ReactNode;
  /** What else is to be said of a value, below its settings. */
  note?: (item: JsonObject, change: (item: JsonObject) => void) => React.ReactNode;
}

export function FieldList({ label, value, onChange, depth, kinds = KINDS, head, foot, note }: ListProps) {
  const { t } = useTranslation("editor");
  const id = useId();
  const [open, setOpen] = useState<number | null>(null);
  const items = (Array.isArray(value) ? value : []).filter(isObject);
  const set = (index: number, next: JsonObject) => onChange(items.map((item, at) => (at === index ? next : item)));
  const limitText = (item: JsonObject) => {
    if (typeof item["max_length"] === "number") return t("output.letters", { count: item["max_length"] });
    if (typeof item["max_items"] === "number") return t("output.atMost", { count: item["max_items"] });
    return t(`kind.${text(item, "kind")}`);
  };
  return (
    <Items
      label={label} items={items} open={open} onOpen={setOpen} head={head} foot={foot}
      title={(item) => text(item, "title") || text(item, "name")}
      icon={(item) => <KindIcon kind={item["kind"] as KindName} />}
      tail={limitText}
      onChange={onChange}
      addLabel={t("output.add")}
      onAdd={() => {
        const name = freshName(t("output.newName"), items.map((item) => text(item, "name")), "value");
        onChange([...items, { name, title: t("output.newName"), kind: "text", max_length: 200 }]);
        setOpen(items.length);
      }}
      body={(item, index) => (
        <>
          <TextInput
            label={t("output.title")} value={text(item, "title")}
            onChange={(event) => {
              const title = event.currentTarget.value;
              const follows = item["name"] === slug(text(item, "title"));
              set(index, { ...item, title, ...(follows && slug(title) && !items.some((other) => other["name"] === slug(title)) ? { name: slug(title) } : {}) });
            }}
          />
          <div className={classes["two"]}>
            <KindSelect kind={text(item, "kind")} kinds={depth >= 2 ? kinds.filter((kind) => kind !== "record" && kind !== "list") : kinds} onChange={(kind) => set(index, withKind(item, kind))} />
            <Limits
              field={item}
              onChange={(patch, remove) => {
                set(index, { ...without(item, ...remove), ...patch });
              }}
            />
          </div>
          {item["kind"] === "choice" && <ChoiceOptions item={item} onChange={(next) => set(index, next)} />}
          {item["kind"] === "record" && <FieldList label={text(item, "title")} value={item["fields"]} depth={depth + 1} kinds={kinds} onChange={(fields) => set(index, { ...item, fields })} />}
          {item["kind"] === "list" && <ListItem item={item} depth={depth} kinds={kinds} onChange={(next) => set(index, next)} />}
          <div className={classes["switchRow"]}>
            <label className={classes["label"]} htmlFor={`${id}-${index}`}>{t("output.optional")}</label>
            <Switch id={`${id}-${index}`} checked={item["optional"] === true} onChange={(event) => set(index, { ...item, optional: event.currentTarget.checked })} />
          </div>
          <TextInput label={t("form.name")} className={classes["code"]} value={text(item, "name")} onChange={(event) => set(index, { ...item, name: event.currentTarget.value.toLowerCase().replace(/[^a-z0-9_]/g, "_") })} />
          {note?.(item, (next) => set(index, next))}
        </>
      )}
    />
  );
}

/** What an entry of a list can be, where it is no list itself. */
const ENTRIES: readonly KindName[] = ["text", "integer", "decimal", "date", "record"];

function ListItem({ item, depth, kinds, onChange }: { item: JsonObject; depth: number; kinds: readonly KindName[]; onChange: (item: JsonObject) => void }) {
  const { t } = useTranslation("editor");
  const inner = isObject(item["item"]) ? item["item"] : { kind: "text" };
  return (
    <>
      <KindSelect kind={text(inner, "kind")} kinds={ENTRIES.filter((kind) => kinds.includes(kind))} onChange={(kind) => onChange({ ...item, item: withKind(inner, kind) })} />
      {inner["kind"] === "record" && (
        <FieldList label={t("output.each")} value={inner["fields"]} depth={depth + 1} kinds={kinds} onChange={(fields) => onChange({ ...item, item: { ...inner, fields } })} />
      )}
    </>
  );
}

function ChoiceOptions({ item, onChange }: { item: JsonObject; onChange: (item: JsonObject) => void }) {
  const { t } = useTranslation("editor");
  const options = (Array.isArray(item["options"]) ? item["options"] : []).filter(isObject);
  const set = (next: JsonObject[]) => onChange({ ...item, options: next });
  return (
    <div>
      <div className={classes["label"]} style={{ marginBlockEnd: 6 }}>{t("form.options")}</div>
      <div className={classes["options"]}>
        {options.map((option, index) => (
          <div className={classes["row"]} key={index}>
            <TextInput className={classes["grow"]} aria-label={t("form.option", { number: index + 1 })} value={text(option, "value")} onChange={(event) => set(options.map((other, at) => (at === index ? { ...other, value: event.currentTarget.value } : other)))} />
            <ActionIcon aria-label={t("items.remove", { name: text(option, "value") })} onClick={() => set(options.filter((_, at) => at !== index))}><Trash2 size={14} /></ActionIcon>
          </div>
        ))}
      </div>
      <button type="button" className={classes["add"]} onClick={() => set([...options, { value: `option_${options.length + 1}` }])}><Plus size={14} aria-hidden />{t("form.addOption")}</button>
    </div>
  );
}
