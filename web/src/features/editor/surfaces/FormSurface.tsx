// The form as the visitor sees it, editable in place: a click selects a question, typing an answer edits the sample.

import { ActionIcon } from "@mantine/core";
import { Check, Copy, GripVertical, Plus, Trash2, X } from "lucide-react";
import { Fragment, useState } from "react";
import { useTranslation } from "react-i18next";

import { setConfig, setSample } from "~/lib/document/edits";
import { fieldsOf, freshField } from "~/lib/document/form";
import type { FormField } from "~/lib/document/form";
import { freshName } from "~/lib/document/ids";
import { isObject, movedItem, setAt } from "~/lib/document/pointer";
import type { Json, JsonObject } from "~/lib/document/types";
import { formatValue, isMoney } from "~/lib/expression/format";
import type { Kind } from "~/lib/expression/kind";
import { useAddress } from "../address";
import { useLook } from "../chips/look";
import { sampleNamed, useDocument, useEditor, useStore } from "../state/store";
import { focusQuestion } from "../widgets/FormFields";
import { formMembers } from "./formMembers";
import { FromDocument } from "./FromDocument";
import classes from "./surfaces.module.css";

export function FormSurface({ step, phone }: { step: string; phone: boolean }) {
  const { t } = useTranslation("editor");
  const store = useStore();
  const document = useDocument();
  const look = useLook();
  const [address, go] = useAddress();
  const [dragged, setDragged] = useState<number | null>(null);
  const node = document.nodes.find((item) => item.id === step);
  const output = useEditor((state) => state.results[step]?.step.output);
  const type = node ? store.types.get(node.type) : undefined;
  if (!node || !type) return null;
  const members = formMembers(type.schema);
  const fields = fieldsOf(node.config[members.fields]);
  const computed = (Array.isArray(node.config[members.computed]) ? (node.config[members.computed] as Json[]) : []).filter(isObject);
  const sample = sampleNamed(document, address.sample);
  const text = (name: string) => (typeof node.config[name] === "string" ? (node.config[name] as string) : "");

  const setFields = (next: FormField[], label: string, key: string | null = null) =>
    store.edit(label, (current) => setConfig(current, step, [members.fields], next), key);
  const setText = (name: string, value: string) => store.edit(t("label.form"), (current) => setConfig(current, step, [name], value), `${step}/${name}`);
  const answer = (path: Array<string | number>, value: Json | undefined) =>
    store.edit(t("label.sample"), (current) => {
      const now = sampleNamed(current, address.sample);
      return setSample(current, now.name || t("sample.first"), setAt(now.input, path, value) as JsonObject);
    }, `sample/${path.join("/")}`);
  const select = (name: string | undefined) => go({ step, field: name, tab: "setup" }, true);
  const add = () => {
    const field = freshField(t("form.newField"), "text", fields);
    setFields([...fields, field], t("label.addField"));
    select(field.name);
    focusQuestion(field.label);
  };

  return (
    <div className={classes["desk"]} onClick={(event) => event.target === event.currentTarget && select(undefined)}>
      <div className={[classes["formPage"], phone ? classes["phone"] : ""].join(" ")} lang={document.locale}>
        <input className={classes["formTitle"]} aria-label={t("form.title")} value={text("title")} placeholder={t("form.title")} onFocus={() => select(undefined)} onChange={(event) => setText("title", event.currentTarget.value)} />
        <textarea className={classes["formIntro"]} aria-label={t("form.intro")} rows={1} value={text("intro")} placeholder={t("form.introHint")} onChange={(event) => setText("intro", event.currentTarget.value)} />
        <div className={classes["fields"]}>
          {fields.map((field, index) => {
            const chosen = address.step === step && address.field?.split(".")[0] === field.name;
            const section = typeof field["section"] === "string" && field["section"] ? field["section"] : null;
            return (
              <Fragment key={field.name}>
              {section && <h3 className={classes["section"]}>{section}</h3>}
              <div
                className={[classes["q"], chosen ? classes["qChosen"] : "", phone ? "" : widthClass(field)].join(" ")}
                onClick={() => !chosen && select(field.name)}
                onDragOver={(event) => dragged !== null && event.preventDefault()}
                onDrop={(event) => {
                  event.preventDefault();
                  if (dragged !== null && dragged !== index) setFields(movedItem(fields, dragged, index), t("label.moveField"));
                  setDragged(null);
                }}
              >
                {chosen && <span className={classes["qTag"]}>{t(`answer.${field.kind}`)} · {field.label}</span>}
                {chosen && (
                  <>
                    <button
                      type="button" className={classes["qGrip"]} draggable aria-label={t("items.move", { name: field.label })} title={t("items.moveHint")}
                      onDragStart={(event) => {
                        event.dataTransfer.setData("text/plain", field.label);
                        setDragged(index);
                      }}
                      onDragEnd={() => setDragged(null)}
                      onKeyDown={(event) => {
                        if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
                        event.preventDefault();
                        const to = index + (event.key === "ArrowUp" ? -1 : 1);
                        if (to >= 0 && to < fields.length) setFields(movedItem(fields, index, to), t("label.moveField"));
                      }}
                    >
                      <GripVertical size={13} aria-hidden />
                    </button>
                    <div className={classes["qTools"]}>
                      <ActionIcon
                        aria-label={t("list.duplicate")}
                        onClick={(event) => {
                          event.stopPropagation();
                          const copy = { ...field, name: freshName(field.name, fields.map((item) => item.name), "field") };
                          setFields([...fields.slice(0, index + 1), copy, ...fields.slice(index + 1)], t("label.addField"));
                          select(copy.name);
                        }}
                      ><Copy size={14} /></ActionIcon>
                      <ActionIcon
                        aria-label={t("items.remove", { name: field.label })}
                        onClick={(event) => {
                          event.stopPropagation();
                          setFields(fields.filter((_, at) => at !== index), t("label.removeField"));
                          select(undefined);
                        }}
                      ><Trash2 size={14} /></ActionIcon>
                    </div>
                  </>
                )}
                {field.kind !== "checkbox" && (
                  <label className={classes["qLabel"]} htmlFor={`${step}-${field.name}`}>{field.label} {field["required"] !== true && <span>{t("form.optional")}</span>}</label>
                )}
                <AnswerControl id={`${step}-${field.name}`} field={field} value={sample.input[field.name]} output={isObject(output) ? output[field.name] : undefined} currency={document.currency} onChange={(value, path = []) => answer([field.name, ...path], value)} />
                {typeof field["help"] === "string" && field["help"] && <div className={classes["qHelp"]}>{field["help"]}</div>}
              </div>
              </Fragment>
            );
          })}
          <button type="button" className={classes["addField"]} onClick={add}><Plus size={15} aria-hidden />{t("form.addField")}</button>
          <FromDocument
            step={step} member={members.fields}
            onAdded={(question) => {
              select(question.name);
              focusQuestion(question.label);
            }}
          />
        </div>
        {computed.length > 0 && (
          <dl className={classes["totals"]}>
            {computed.map((item) => (
              <div key={String(item["name"])} style={{ display: "contents" }}>
                <dt>{String(item["label"] ?? item["name"])}</dt>
                <dd>{formatValue(isObject(output) ? output[String(item["name"])] : undefined, item as unknown as Kind, look)}</dd>
              </div>
            ))}
          </dl>
        )}
        <input className={classes["submit"]} aria-label={t("form.submit")} value={text("submit_label")} placeholder={t("form.submitDefault")} onChange={(event) => setText("submit_label", event.currentTarget.value)} />
      </div>
    </div>
  );
}

function widthClass(field: FormField): string | undefined {
  if (field["width"] === "half") return classes["half"];
  return field["width"] === "third" ? classes["third"] : undefined;
}

interface ControlProps {
  id: string;
  field: FormField;
  value: Json | undefined;
  output: Json | undefined;
  currency: string;
  onChange: (value: Json | undefined, path?: Array<string | number>) => void;
}

function AnswerControl({ id, field, value, output, currency, onChange }: ControlProps) {
  const { t } = useTranslation("editor");
  const text = typeof value === "string" ? value : typeof value === "number" ? String(value) : isMoney(value) ? value.amount : "";
  const options = (Array.isArray(field["options"]) ? field["options"] : []).filter(isObject).map((option) => ({ value: String(option["value"]), title: String(option["title"] ?? option["value"]) }));
  const common = { id, className: classes["input"] };
  switch (field.kind) {
    case "long_text":
      return <textarea {...common} rows={2} value={text} onChange={(event) => onChange(event.currentTarget.value)} />;
    case "select":
      return (
        <select {...common} value={text} onChange={(event) => onChange(event.currentTarget.value || undefined)}>
          <option value="">–</option>
          {options.map((option) => <option key={option.value} value={option.value}>{option.title}</option>)}
        </select>
      );
    case "multi_select": {
      const chosen = Array.isArray(value) ? value.map(String) : [];
      return (
        <div className={classes["pills"]} id={id} role="group" aria-label={field.label}>
          {options.map((option) => {
            const on = chosen.includes(option.value);
            return (
              <button type="button" key={option.value} className={classes["pill"]} aria-pressed={on} onClick={() => onChange(on ? chosen.filter((item) => item !== option.value) : [...chosen, option.value])}>
                {on && <Check size={14} aria-hidden />}{option.title}
              </button>
            );
          })}
        </div>
      );
    }
    case "checkbox":
      return <label className={classes["check"]}><input type="checkbox" id={id} checked={value === true} onChange={(event) => onChange(event.currentTarget.checked)} />{field.label}</label>;
    case "file":
      return <div className={classes["input"]} style={{ color: "var(--text3)", borderStyle: "dashed" }}>{isObject(value) && typeof value["name"] === "string" ? value["name"] : t("form.fileHere")}</div>;
    case "money":
      return <MoneyInput id={id} value={value} currency={typeof field["currency"] === "string" && field["currency"] ? field["currency"] : currency} onChange={onChange} />;
    case "number":
      return <input {...common} inputMode="decimal" value={text} onChange={(event) => onChange(numberOf(event.currentTarget.value, field["decimals"] === 0))} />;
    case "date":
      return <input {...common} type="date" value={text} onChange={(event) => onChange(event.currentTarget.value || undefined)} />;
    case "rows":
      return <RowsControl id={id} field={field} value={value} output={output} currency={currency} onChange={onChange} />;
    default:
      return <input {...common} type={field.kind === "email" ? "email" : field.kind === "phone" ? "tel" : "text"} value={text} onChange={(event) => onChange(event.currentTarget.value)} />;
  }
}

/** A decimal stays text; only whole numbers are JSON numbers. Half-typed input is kept as typed. */
function numberOf(text: string, whole: boolean): Json | undefined {
  const plain = text.trim().replace(",", ".");
  if (plain === "") return undefined;
  return whole && /^-?\d{1,15}$/.test(plain) ? Number(plain) : plain;
}

function MoneyInput({ id, value, currency, onChange }: { id: string; value: Json | undefined; currency: string; onChange: (value: Json | undefined) => void }) {
  const amount = isMoney(value) ? value.amount : typeof value === "string" ? value : "";
  return (
    <input
      id={id} className={classes["input"]} inputMode="decimal" value={amount} placeholder={currency}
      onChange={(event) => {
        const plain = event.currentTarget.value.trim().replace(",", ".");
        onChange(plain === "" ? undefined : { amount: plain, currency });
      }}
    />
  );
}

function RowsControl({ id, field, value, output, currency, onChange }: ControlProps) {
  const { t } = useTranslation("editor");
  const look = useLook();
  const columns = fieldsOf(field["columns"]);
  const computed = (Array.isArray(field["computed"]) ? field["computed"] : []).filter(isObject);
  const rows = Array.isArray(value) ? value.filter(isObject) : [];
  const results = Array.isArray(output) ? output : [];
  return (
    <div id={id} role="group" aria-label={field.label} style={{ overflowX: "auto" }}>
      <table className={classes["rows"]}>
        <thead><tr>{columns.map((column) => <th key={column.name} scope="col">{column.label}</th>)}{computed.map((item) => <th key={String(item["name"])} scope="col" className={classes["amount"]}>{String(item["label"] ?? item["name"])}</th>)}<th /></tr></thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {columns.map((column) => (
                <td key={column.name} style={column.kind === "text" ? { inlineSize: "40%" } : undefined}>
                  <AnswerControl id={`${id}-${index}-${column.name}`} field={column} value={row[column.name]} output={undefined} currency={currency} onChange={(next) => onChange(next, [index, column.name])} />
                </td>
              ))}
              {computed.map((item) => {
                const result = results[index];
                return <td key={String(item["name"])} className={classes["amount"]}>{formatValue(isObject(result) ? result[String(item["name"])] : undefined, item as unknown as Kind, look)}</td>;
              })}
              <td><ActionIcon size={24} aria-label={t("form.removeRow", { number: index + 1 })} onClick={() => onChange(rows.filter((_, at) => at !== index))}><X size={14} /></ActionIcon></td>
            </tr>
          ))}
        </tbody>
      </table>
      <button type="button" className={classes["pill"]} onClick={() => onChange([...rows, {}])}><Plus size={14} aria-hidden />{t("form.addRow")}</button>
    </div>
  );
}
