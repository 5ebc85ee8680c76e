// Settings that look into the firm's tables: which table, which column, and what a row must fulfil.

import { ActionIcon, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";

import { items } from "~/api/client";
import { isObject } from "~/lib/document/pointer";
import type { JsonObject } from "~/lib/document/types";
import { fieldTitle } from "~/lib/expression/kind";
import type { Field } from "~/lib/expression/kind";
import { keys } from "~/lib/queries";
import { problemText } from "~/ui/server-words/words";
import { getTables } from "../api";
import { TemplateField } from "../chips/TemplateField";
import { Chooser } from "./resources";
import { ALONE, fitting, text } from "./Rules";
import { choicesOf, deref } from "./schema";
import type { FormScope, WidgetProps } from "./widget";
import classes from "./widgets.module.css";

/** The columns of a table; none while it is not known. */
export function useColumns(id: unknown): Field[] {
  const list = useQuery({ queryKey: keys.tables, queryFn: getTables });
  const tables = list.data ? items(list.data) : [];
  return tables.find((table) => table.id === id)?.columns ?? [];
}

export function TableWidget(props: WidgetProps) {
  const { t } = useTranslation("editor");
  const list = useQuery({ queryKey: keys.tables, queryFn: getTables });
  const id = typeof props.value === "string" ? props.value : "";
  return (
    <Chooser
      {...props} options={list.data && items(list.data).map((table) => ({ value: table.id, label: table.name }))} emptyLabel={t("resource.chooseTable")}
      link={{ to: id ? `/tables/${id}` : "/tables", text: t("resource.openTable") }}
    />
  );
}

const keyed = ({ scope, schema }: Pick<WidgetProps, "scope" | "schema">) => scope.config[schema["x-keys"]?.table_columns ?? "table"];

export function TableColumnWidget({ scope, schema, label, help, error, required, value, onChange }: WidgetProps) {
  const columns = useColumns(keyed({ scope, schema }));
  return <ColumnSelect label={label} help={help} error={error} required={required} columns={columns} value={typeof value === "string" ? value : ""} onChange={onChange} />;
}

interface ColumnProps {
  label: string;
  help?: WidgetProps["help"];
  error?: WidgetProps["error"];
  required?: boolean;
  columns: readonly Field[];
  value: string;
  onChange: (name: string) => void;
}

export function ColumnSelect({ label, help, error, required, columns, value, onChange }: ColumnProps) {
  const { t } = useTranslation("editor");
  const known = columns.map((column) => ({ value: column.name, label: fieldTitle(column) }));
  const gone = value !== "" && columns.length > 0 && !columns.some((column) => column.name === value);
  return (
    <Select
      label={label} description={help} error={error} required={required} allowDeselect={false} placeholder={t("resource.chooseColumn")}
      data={gone ? [...known, { value, label: t("resource.gone") }] : known} value={value || null} onChange={(next) => next && onChange(next)}
    />
  );
}

export function TableConditionsWidget({ scope, schema, label, help, error, value, onChange, path }: WidgetProps) {
  const { t } = useTranslation("editor");
  const columns = useColumns(keyed({ scope, schema }));
  const conditions = (Array.isArray(value) ? value : []).filter(isObject);
  const condition = deref(schema.items ?? {}, scope.definitions);
  const operators = choicesOf(condition.properties?.["operator"] ?? {}, scope.definitions) ?? [];
  return (
    <div>
      <div className={classes["labelRow"]}><span className={classes["label"]}>{label}</span></div>
      {help && <div className={classes["help"]} style={{ marginBlockEnd: 6 }}>{help}</div>}
      {error && <div className={classes["error"]}>{error}</div>}
      {conditions.map((item, index) => {
        const at = [...path.map(String), String(index)];
        const problems = scope.problems.filter((problem) => at.every((part, place) => problem.path[place] === part));
        return (
          <div key={index}>
            <Condition
              scope={scope} condition={item} columns={columns} operators={operators}
              onChange={(next) => onChange(next ? conditions.map((other, place) => (place === index ? next : other)) : conditions.filter((_, place) => place !== index))}
            />
            {problems.length > 0 && <div className={classes["error"]}>{problems.map(problemText).join(" ")}</div>}
          </div>
        );
      })}
      <button type="button" className={classes["add"]} onClick={() => onChange([...conditions, { column: columns[0]?.name ?? "", operator: operators[0]?.value ?? "is", value: "" }])}>
        <Plus size={14} aria-hidden />{t("table.addCondition")}
      </button>
    </div>
  );
}

interface ConditionProps {
  scope: FormScope;
  condition: JsonObject;
  columns: readonly Field[];
  operators: ReadonlyArray<{ value: string; label: string }>;
  onChange: (condition: JsonObject | null) => void;
}

function Condition({ scope, condition, columns, operators, onChange }: ConditionProps) {
  const { t } = useTranslation("editor");
  const column = columns.find((one) => one.name === text(condition, "column"));
  const operator = text(condition, "operator") || "is";
  const offered = operators.filter((item) => item.value === operator || fitting(item.value, column?.kind));
  return (
    <div className={classes["rule"]}>
      <ColumnSelect label={t("table.column")} columns={columns} value={text(condition, "column")} onChange={(name) => onChange({ ...condition, column: name })} />
      <div className={classes["row"]}>
        <Select className={classes["grow"]} aria-label={t("rules.operator")} allowDeselect={false} data={offered} value={operator} onChange={(next) => onChange({ ...condition, operator: next ?? operator })} />
        <ActionIcon size={24} aria-label={t("table.removeCondition")} onClick={() => onChange(null)}><Trash2 size={14} /></ActionIcon>
      </div>
      {!ALONE.test(operator) && (
        <div className={classes["ruleOperand"]}>
          <div className={classes["grow"]}>
            <TemplateField
              hideLabel label={t("rules.operand")} size="line" value={text(condition, "value")} sources={scope.sources} wanted={column ?? null} placeholder={t("rules.operandHint")}
              onChange={(next) => onChange({ ...condition, value: next })} onGoTo={scope.goTo}
            />
          </div>
        </div>
      )}
    </div>
  );
}
