// The questions of a form: add, remove, reorder, and for each its kind of answer with what that kind needs.

import { ActionIcon, NumberInput, Select, Switch, Textarea, TextInput } from "@mantine/core";
import { Plus, Trash2 } from "lucide-react";
import { useId, useState } from "react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { ANSWERS, CELL_ANSWERS, fieldsOf, freshField, KEEPING, shaped, WIDTHS } from "~/lib/document/form";
import type { Answer, FormField } from "~/lib/document/form";
import { without } from "~/lib/document/pointer";
import { slug } from "~/lib/document/ids";
import type { Json } from "~/lib/document/types";
import { typedNumber } from "~/lib/typed-number";
import { problemText } from "~/ui/server-words/words";
import { useAddress } from "../address";
import { AnswerIcon } from "../icons";
import { useDocument } from "../state/store";
import { ChoicesFrom } from "./ChoicesFrom";
import { ComputedList } from "./ComputedFields";
import { Items } from "./Items";
import { MoneyDecimals } from "./kinds";
import type { FormScope, WidgetProps } from "./widget";
import classes from "./widgets.module.css";

export function FormFieldsWidget({ scope, label, help, error, value, onChange, path }: WidgetProps) {
  const { t } = useTranslation("editor");
  const [address, go] = useAddress();
  const fields = fieldsOf(value);
  const chosen = fields.findIndex((field) => field.name === address.field?.split(".")[0]);
  return (
    <div>
      <div className={classes["labelRow"]}><span className={classes["label"]}>{label}</span></div>
      {help && <div className={classes["help"]} style={{ marginBlockEnd: 6 }}>{help}</div>}
      {error && <div className={classes["error"]}>{error}</div>}
      <Items
        label={label} items={fields} open={chosen < 0 ? null : chosen}
        onOpen={(index) => go({ field: index === null ? undefined : fields[index]?.name }, true)}
        title={(field) => field.label || field.name}
        icon={(field) => <AnswerIcon kind={field.kind} size={15} />}
        tail={(field) => (field["required"] === true ? t(`answer.${field.kind}`) : t("form.optionalKind", { kind: t(`answer.${field.kind}`) }))}
        onChange={(next) => onChange(next)}
        addLabel={t("form.addField")}
        onAdd={() => {
          const field = freshField(t("form.newField"), "text", fields);
          onChange([...fields, field]);
          go({ field: field.name }, true);
          focusQuestion(field.label);
        }}
        body={(field, index) => (
          <FieldSettings
            scope={scope} field={field} answers={ANSWERS} taken={fields} errorAt={[...path.map(String), String(index)]}
            onChange={(next) => {
              onChange(fields.map((other, at) => (at === index ? next : other)));
              if (next.name !== field.name) go({ field: next.name }, true);
            }}
          />
        )}
      />
    </div>
  );
}

const LONGEST_WAIT_MS = 2000;

/** A new question can be typed at once: its field is focused as soon as it is drawn. */
export function focusQuestion(label: string): void {
  const since = performance.now();
  const look = () => {
    const field = [...document.querySelectorAll<HTMLInputElement>("[data-region=inspector] input[data-field-question]")].find((input) => input.value === label);
    if (field) {
      field.focus();
      field.select();
    } else if (performance.now() - since < LONGEST_WAIT_MS) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

interface SettingsProps {
  scope: FormScope;
  field: FormField;
  answers: readonly Answer[];
  taken: readonly FormField[];
  errorAt: string[];
  onChange: (field: FormField) => void;
  /** What the place around adds after the switch "must be answered". */
  between?: ReactNode;
}

/** Clears what is empty, so that an untouched limit is not stored. */
function put(field: FormField, key: string, value: Json | undefined): FormField {
  return (value === undefined || value === "" ? without(field, key) : { ...field, [key]: value }) as FormField;
}

export function FieldSettings({ scope, field, answers, taken, errorAt, onChange, between }: SettingsProps) {
  const { t } = useTranslation("editor");
  const id = useId();
  const currency = useDocument().currency;
  const text = (key: string) => (typeof field[key] === "string" || typeof field[key] === "number" ? String(field[key]) : "");
  const number = (key: string) => (typeof field[key] === "number" ? (field[key] as number) : "");
  const problems = scope.problems.filter((problem) => errorAt.every((part, at) => problem.path[at] === part));
  const [renamed, setRenamed] = useState(false);

  const setLabel = (label: string) => {
    const next = put(field, "label", label) as FormField;
    // The value's name follows the question only until something reads it or the person chose one.
    const own = slug(field.label) === field.name.replace(/_\d+$/, "") || field.name.startsWith("new_") || field.name.startsWith("question");
    const wanted = slug(label);
    const free = wanted !== "" && !taken.some((other) => other !== field && other.name === wanted);
    onChange({ ...next, label, name: own && !renamed && free && !scope.isRead(field.name) ? wanted : field.name });
  };

  return (
    <>
      <TextInput label={t("form.question")} data-field-question value={field.label} onChange={(event) => setLabel(event.currentTarget.value)} />
      <div>
        <div className={classes["label"]} style={{ marginBlockEnd: 6 }} id={`${id}-kind`}>{t("form.kind")}</div>
        <div className={classes["kinds"]} role="radiogroup" aria-labelledby={`${id}-kind`}>
          {answers.map((answer) => (
            <button
              type="button" role="radio" key={answer} className={classes["kind"]} aria-checked={field.kind === answer}
              onClick={() => onChange(shaped(field, answer))}
            >
              <AnswerIcon kind={answer} />{t(`answer.${answer}`)}
            </button>
          ))}
        </div>
      </div>
      {problems.length > 0 && <div className={classes["error"]}>{problems.map(problemText).join(" ")}</div>}
      <div className={classes["switchRow"]}>
        <label className={classes["label"]} htmlFor={`${id}-required`}>{t("form.required")}</label>
        <Switch id={`${id}-required`} checked={field["required"] === true} onChange={(event) => onChange(put(field, "required", event.currentTarget.checked))} />
      </div>
      {between}
      {field.kind === "select" && <ChoicesFrom field={field} onChange={onChange} written={<Options field={field} onChange={onChange} />} />}
      {field.kind === "multi_select" && <Options field={field} onChange={onChange} />}
      {field.kind === "rows" && <Rows scope={scope} field={field} errorAt={errorAt} onChange={onChange} />}
      {(field.kind === "text" || field.kind === "long_text") && (
        <NumberInput label={t("form.maxLength")} min={1} allowDecimal={false} value={number("max_length")} placeholder={t("form.noLimit")} onChange={(next) => onChange(put(field, "max_length", typedNumber(next)))} />
      )}
      {field.kind === "number" && (
        <div className={classes["two"]}>
          <TextInput label={t("form.min")} inputMode="decimal" value={text("min")} onChange={(event) => onChange(put(field, "min", event.currentTarget.value))} />
          <TextInput label={t("form.max")} inputMode="decimal" value={text("max")} onChange={(event) => onChange(put(field, "max", event.currentTarget.value))} />
          <NumberInput label={t("form.decimals")} min={0} max={10} allowDecimal={false} value={number("decimals")} onChange={(next) => onChange(put(field, "decimals", typedNumber(next)))} />
        </div>
      )}
      {field.kind === "date" && (
        <div className={classes["two"]}>
          <TextInput type="date" label={t("form.earliest")} value={text("min")} onChange={(event) => onChange(put(field, "min", event.currentTarget.value))} />
          <TextInput type="date" label={t("form.latest")} value={text("max")} onChange={(event) => onChange(put(field, "max", event.currentTarget.value))} />
        </div>
      )}
      {field.kind === "money" && (
        <div className={classes["two"]}>
          <TextInput label={t("form.currency")} maxLength={3} placeholder={currency} value={text("currency")} onChange={(event) => onChange(put(field, "currency", event.currentTarget.value.toUpperCase()))} />
          <MoneyDecimals value={field["decimals"]} onChange={(decimals) => onChange(put(field, "decimals", decimals))} />
        </div>
      )}
      {field.kind === "file" && (
        <>
          <Select
            label={t("form.accept")} data={[{ value: "image/*", label: t("form.images") }, { value: "application/pdf", label: t("form.pdf") }]} clearable placeholder={t("form.anyFile")}
            value={Array.isArray(field["accept"]) ? String(field["accept"][0] ?? "") || null : null} onChange={(next) => onChange(put(field, "accept", next ? [next] : undefined))}
          />
          <NumberInput label={t("form.maxMegabytes")} min={0.1} max={100} value={typeof field["max_bytes"] === "number" ? field["max_bytes"] / 1_000_000 : ""} onChange={(next) => {
            const megabytes = typedNumber(next);
            onChange(put(field, "max_bytes", megabytes === undefined ? undefined : Math.round(megabytes * 1_000_000)));
          }} />
        </>
      )}
      {answers === ANSWERS && (
        <div className={classes["two"]}>
          <Select label={t("form.width")} allowDeselect={false} value={text("width") || "full"} data={WIDTHS.map((width) => ({ value: width, label: t(`form.${width}`) }))} onChange={(next) => onChange(put(field, "width", next === "full" ? undefined : (next ?? undefined)))} />
          <TextInput label={t("form.section")} value={text("section")} onChange={(event) => onChange(put(field, "section", event.currentTarget.value))} />
        </div>
      )}
      {field.kind === "multi_select" && (
        <NumberInput label={t("form.mostChoices")} min={1} allowDecimal={false} value={number("max")} placeholder={t("form.noLimit")} onChange={(next) => onChange(put(field, "max", typedNumber(next)))} />
      )}
      {field.kind !== "rows" && (
        <Select
          label={t("form.store")} description={text("store") ? t("form.storeHelp") : undefined} allowDeselect={false} value={text("store") || "keep"}
          data={KEEPING.map((one) => ({ value: one, label: t(`form.stores.${one}`) }))} onChange={(next) => onChange(put(field, "store", next === "keep" ? undefined : (next ?? undefined)))}
        />
      )}
      <Textarea label={t("form.help")} autosize minRows={1} maxRows={5} value={text("help")} onChange={(event) => onChange(put(field, "help", event.currentTarget.value))} />
      <TextInput
        label={t("form.name")} description={t("form.nameHelp")} className={classes["code"]} value={field.name}
        onChange={(event) => {
          setRenamed(true);
          const name = event.currentTarget.value.toLowerCase().replace(/[^a-z0-9_]/g, "_");
          onChange({ ...field, name });
        }}
      />
    </>
  );
}

function Options({ field, onChange }: { field: FormField; onChange: (field: FormField) => void }) {
  const { t } = useTranslation("editor");
  const options = (Array.isArray(field["options"]) ? field["options"] : []) as Array<{ value: string; title?: string }>;
  const set = (next: Array<{ value: string; title?: string }>) => onChange({ ...field, options: next });
  return (
    <div>
      <div className={classes["label"]} style={{ marginBlockEnd: 6 }}>{t("form.options")}</div>
      <div className={classes["options"]}>
        {options.map((option, index) => (
          <div className={classes["row"]} key={index}>
            <TextInput
              className={classes["grow"]} aria-label={t("form.option", { number: index + 1 })} value={option.title ?? option.value}
              onChange={(event) => {
                const title = event.currentTarget.value;
                const follows = option.value === (slug(option.title ?? "") || option.value);
                const value = follows && slug(title) && !options.some((other, at) => at !== index && other.value === slug(title)) ? slug(title) : option.value;
                set(options.map((other, at) => (at === index ? { value, title } : other)));
              }}
            />
            <ActionIcon aria-label={t("items.remove", { name: option.title ?? option.value })} onClick={() => set(options.filter((_, at) => at !== index))}><Trash2 size={14} /></ActionIcon>
          </div>
        ))}
      </div>
      <button
        type="button" className={classes["add"]}
        onClick={() => {
          const taken = new Set(options.map((option) => option.value));
          let count = options.length + 1;
          while (taken.has(`option_${count}`)) count += 1;
          set([...options, { value: `option_${count}`, title: "" }]);
        }}
      >
        <Plus size={14} aria-hidden />{t("form.addOption")}
      </button>
    </div>
  );
}

function Rows({ scope, field, errorAt, onChange }: { scope: FormScope; field: FormField; errorAt: string[]; onChange: (field: FormField) => void }) {
  const { t } = useTranslation("editor");
  const [open, setOpen] = useState<number | null>(null);
  const columns = fieldsOf(field["columns"]);
  const set = (next: FormField[]) => onChange({ ...field, columns: next });
  return (
    <>
      <div>
        <div className={classes["label"]} style={{ marginBlockEnd: 6 }}>{t("form.columns")}</div>
        <Items
          label={t("form.columns")} items={columns} open={open} onOpen={setOpen}
          title={(column) => column.label || column.name}
          icon={(column) => <AnswerIcon kind={column.kind} size={15} />}
          tail={(column) => t(`answer.${column.kind}`)}
          onChange={set}
          addLabel={t("form.addColumn")}
          onAdd={() => {
            set([...columns, freshField(t("form.newColumn"), "text", columns)]);
            setOpen(columns.length);
          }}
          body={(column, index) => (
            <FieldSettings
              scope={scope} field={column} answers={CELL_ANSWERS} taken={columns} errorAt={[...errorAt, "columns", String(index)]}
              onChange={(next) => set(columns.map((other, at) => (at === index ? next : other)))}
            />
          )}
        />
      </div>
      <div>
        <div className={classes["label"]} style={{ marginBlockEnd: 6 }}>{t("form.computedCells")}</div>
        <ComputedList scope={scope} label={t("form.computedCells")} value={field["computed"]} onChange={(next) => onChange(put(field, "computed", Array.isArray(next) && next.length ? next : undefined))} />
      </div>
      <div className={classes["two"]}>
        <NumberInput label={t("form.minRows")} min={0} allowDecimal={false} value={typeof field["min_rows"] === "number" ? field["min_rows"] : ""} onChange={(next) => onChange(put(field, "min_rows", typedNumber(next)))} />
        <NumberInput label={t("form.maxRows")} min={1} allowDecimal={false} value={typeof field["max_rows"] === "number" ? field["max_rows"] : ""} onChange={(next) => onChange(put(field, "max_rows", typedNumber(next)))} />
      </div>
    </>
  );
}
