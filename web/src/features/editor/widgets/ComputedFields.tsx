// Values that the server computes: a name, a kind and an expression of chips.

import { TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { freshName } from "~/lib/document/ids";
import { isObject, without } from "~/lib/document/pointer";
import type { Json, JsonObject } from "~/lib/document/types";
import type { Kind, KindName } from "~/lib/expression/kind";
import { TemplateField } from "../chips/TemplateField";
import { KindIcon } from "../icons";
import { Items } from "./Items";
import { KindSelect, MoneyDecimals, withKind } from "./kinds";
import type { FormScope, WidgetProps } from "./widget";
import classes from "./widgets.module.css";

export function ComputedFieldsWidget({ scope, label, help, error, value, onChange }: WidgetProps) {
  return (
    <div>
      <div className={classes["labelRow"]}><span className={classes["label"]}>{label}</span></div>
      {help && <div className={classes["help"]} style={{ marginBlockEnd: 6 }}>{help}</div>}
      {error && <div className={classes["error"]}>{error}</div>}
      <ComputedList scope={scope} label={label} value={value} onChange={onChange} />
    </div>
  );
}

const KINDS: readonly KindName[] = ["text", "integer", "decimal", "money", "date", "yes_no", "list", "any"];

interface ListProps {
  scope: FormScope;
  label: string;
  value: Json | undefined;
  onChange: (value: Json) => void;
}

export function ComputedList({ scope, label, value, onChange }: ListProps) {
  const { t } = useTranslation("editor");
  const [open, setOpen] = useState<number | null>(null);
  const items = (Array.isArray(value) ? value : []).filter(isObject);
  const text = (item: JsonObject, key: string) => (typeof item[key] === "string" ? (item[key] as string) : "");
  const set = (index: number, next: JsonObject) => onChange(items.map((item, at) => (at === index ? next : item)));
  return (
    <Items
      label={label} items={items} open={open} onOpen={setOpen}
      title={(item) => text(item, "label") || text(item, "name")}
      icon={(item) => <KindIcon kind={item["kind"] as KindName} />}
      tail={(item) => t(`kind.${text(item, "kind") || "any"}`)}
      onChange={onChange}
      addLabel={t("computed.add")}
      onAdd={() => {
        const name = freshName(t("computed.newName"), items.map((item) => text(item, "name")), "value");
        onChange([...items, { name, label: t("computed.newName"), kind: "decimal", value: "" }]);
        setOpen(items.length);
      }}
      body={(item, index) => (
        <>
          <TextInput label={t("computed.label")} value={text(item, "label")} onChange={(event) => set(index, { ...item, label: event.currentTarget.value })} />
          <TemplateField
            label={t("computed.value")} size="text" value={text(item, "value")} sources={scope.sources} wanted={item as unknown as Kind}
            onChange={(next) => set(index, { ...item, value: next })} onGoTo={scope.goTo}
          />
          <KindSelect kind={text(item, "kind")} kinds={KINDS} onChange={(kind) => set(index, withKind(item, kind))} />
          {item["kind"] === "money" && (
            <MoneyDecimals value={item["decimals"]} onChange={(decimals) => set(index, { ...without(item, "decimals"), ...(decimals === undefined ? {} : { decimals }) })} />
          )}
          <TextInput
            label={t("form.name")} className={classes["code"]} value={text(item, "name")}
            onChange={(event) => set(index, { ...item, name: event.currentTarget.value.toLowerCase().replace(/[^a-z0-9_]/g, "_") })}
          />
        </>
      )}
    />
  );
}
