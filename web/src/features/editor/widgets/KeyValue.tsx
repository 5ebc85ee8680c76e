// Names with values. Where the schema says that the names are a document's fields, what a workflow takes, or those of another setting,
// they are given and only the values are asked.

import { ActionIcon, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { fieldsOf, kindOf } from "~/lib/document/form";
import { isObject, without } from "~/lib/document/pointer";
import type { Json, JsonObject } from "~/lib/document/types";
import { fieldTitle } from "~/lib/expression/kind";
import type { Field } from "~/lib/expression/kind";
import { problemText } from "~/ui/server-words/words";
import { TemplateField } from "../chips/TemplateField";
import { callFields } from "../callFields";
import { documentFields } from "../documentFields";
import { KindIcon } from "../icons";
import { deref, typeOf } from "./schema";
import type { WidgetProps } from "./widget";
import classes from "./widgets.module.css";

export function KeyValueWidget(props: WidgetProps) {
  const { scope, schema, value, onChange, label, help, error } = props;
  const { t } = useTranslation("editor");
  const names = schema["x-keys"];
  const source = names?.document_fields ?? names?.workflow_fields ?? null;
  const chosen = source ? scope.config[source] : null;
  const id = typeof chosen === "string" ? chosen : "";
  const ofDocument = useQuery({ ...documentFields(id), enabled: names?.document_fields !== undefined && id !== "" });
  const ofWorkflow = useQuery({ ...callFields(id), enabled: names?.workflow_fields !== undefined && id !== "" });
  const fields = names?.workflow_fields === undefined ? ofDocument : ofWorkflow;
  const asked = names?.form_fields ?? null;
  const known: Field[] | undefined = asked
    ? fieldsOf(scope.config[asked]).map((field) => ({ name: field.name, title: field.label, optional: true, ...kindOf(field) }))
    : source ? fields.data : undefined;
  const values = isObject(value) ? value : {};
  const [naming, setNaming] = useState<{ key: string; text: string } | null>(null);
  const item = deref(typeof schema.additionalProperties === "object" ? schema.additionalProperties : {}, scope.definitions);
  const asTemplate = item["x-widget"] === "template" || item["x-widget"] === undefined || typeOf(item) === "string";
  const set = (name: string, next: Json | undefined) => {
    onChange(next === undefined ? without(values, name) : { ...values, [name]: next });
  };
  const problemOf = (name: string) => {
    const at = [...props.path.map(String), name];
    const found = scope.problems.filter((problem) => at.every((part, index) => problem.path[index] === part));
    return found.length ? found.map(problemText).join(" ") : null;
  };
  const head = (
    <>
      <div className={classes["labelRow"]}><span className={classes["label"]}>{label}</span></div>
      {help && <div className={classes["help"]} style={{ marginBlockEnd: 8 }}>{help}</div>}
      {error && <div className={classes["error"]}>{error}</div>}
    </>
  );

  // The names come from elsewhere: until they are here there is nothing to edit.
  if (source && fields.isLoading) return <div aria-busy>{head}<div className={classes["waiting"]} aria-hidden /></div>;
  if (known) {
    const extra = Object.keys(values).filter((name) => !known.some((field) => field.name === name));
    return (
      <div>
        {head}
        <div className={classes["form"]} style={{ gap: 14 }}>
          {known.map((field) => (
            <div key={field.name} data-path={[...props.path, field.name].join("/")}>
            <TemplateField
              label={fieldTitle(field)}
              required={!field.optional}
              error={problemOf(field.name)}
              value={typeof values[field.name] === "string" ? String(values[field.name]) : ""}
              sources={scope.sources}
              wanted={field}
              size="line"
              placeholder={t("keyValue.choose", { kind: t(`kind.${field.kind}`) })}
              onChange={(next) => set(field.name, next === "" ? undefined : next)}
              onGoTo={scope.goTo}
            />
            </div>
          ))}
          {extra.map((name) => (
            <div className={classes["row"]} key={name}>
              <KindIcon kind="any" /><span className={classes["grow"]}>{name}<div className={classes["error"]}>{problemOf(name)}</div></span>
              <ActionIcon aria-label={t("items.remove", { name })} onClick={() => set(name, undefined)}><Trash2 size={14} /></ActionIcon>
            </div>
          ))}
        </div>
      </div>
    );
  }

  const rename = (from: string, to: string) => {
    setNaming(null);
    if (to === "" || to === from || to in values) return;
    const next: JsonObject = {};
    for (const [key, entry] of Object.entries(values)) next[key === from ? to : key] = entry;
    onChange(next);
  };
  const fresh = () => {
    for (let count = 1; ; count += 1) {
      const name = `${t("keyValue.newName")}${count === 1 ? "" : `_${count}`}`;
      if (!(name in values)) return name;
    }
  };
  const nameOf = (name: string) => (
    <div className={[classes["row"], classes["grow"]].join(" ")} style={{ gap: 2 }}>
      <TextInput
        className={classes["grow"]} size="xs" variant="unstyled" fw={500} aria-label={t("keyValue.name")}
        value={naming?.key === name ? naming.text : name}
        onChange={(event) => setNaming({ key: name, text: event.currentTarget.value })}
        onBlur={() => naming && rename(name, naming.text.trim())}
        onKeyDown={(event) => {
          if (event.key === "Enter" && naming) rename(name, naming.text.trim());
        }}
      />
      <ActionIcon size={24} aria-label={t("items.remove", { name })} onClick={() => set(name, undefined)}><Trash2 size={14} /></ActionIcon>
    </div>
  );
  return (
    <div>
      {head}
      {Object.keys(values).length > 0 && (
        <div className={classes["box"]}>
          {Object.entries(values).map(([name, entry]) => (
            <div className={classes["item"]} key={name} data-path={[...props.path, name].join("/")} style={{ padding: "8px 10px 10px 12px" }}>
              {asTemplate
                ? <TemplateField heading={nameOf(name)} label={name} error={problemOf(name)} value={typeof entry === "string" ? entry : JSON.stringify(entry)} sources={scope.sources} size="line" onChange={(next) => set(name, next)} onGoTo={scope.goTo} />
                : <>{nameOf(name)}<TextInput aria-label={name} value={typeof entry === "string" ? entry : JSON.stringify(entry)} onChange={(event) => set(name, event.currentTarget.value)} /></>}
            </div>
          ))}
        </div>
      )}
      <button type="button" className={classes["add"]} onClick={() => set(fresh(), "")}><Plus size={14} aria-hidden />{t("keyValue.add")}</button>
    </div>
  );
}
