// The ways of a step that decides: each with its rules (value, comparison, operand) and what the sample says to it.

import { ActionIcon, Select } from "@mantine/core";
import { Check, CornerDownRight, Plus, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";

import { freshName } from "~/lib/document/ids";
import { isObject } from "~/lib/document/pointer";
import type { JsonObject, Schema } from "~/lib/document/types";
import { onlyChip } from "~/lib/expression/template";
import { resolve } from "~/lib/expression/values";
import { problemText } from "~/ui/server-words/words";
import { TemplateField } from "../chips/TemplateField";
import { ValueField } from "../chips/ValueField";
import { useEditor } from "../state/store";
import { choicesOf, deref } from "./schema";
import type { FormScope, WidgetProps } from "./widget";
import classes from "./widgets.module.css";

export const text = (item: JsonObject, key: string) => (typeof item[key] === "string" ? (item[key] as string) : "");

/** Comparisons that are complete without a second value. */
export const ALONE = /^(is_empty|is_filled|is_yes|is_no|is_not_empty|exists)$/;
/** Comparisons that need an order. */
const ORDER = /^(greater|less|at_least|at_most|above|below)/;
const TEXTUAL = /contains|starts|ends/;

export function fitting(operator: string, kind: string | undefined): boolean {
  if (!kind || kind === "any") return true;
  if (/^is_(yes|no)$/.test(operator)) return kind === "yes_no";
  if (ORDER.test(operator)) return !["text", "choice", "yes_no", "list", "record", "file"].includes(kind);
  if (TEXTUAL.test(operator)) return ["text", "choice", "list"].includes(kind);
  if (kind === "list" || kind === "record" || kind === "file") return /empty|filled/.test(operator);
  return true;
}

/** Rules stand in ways, or alone where nothing is decided but what they hold for. */
export function RulesWidget(props: WidgetProps) {
  const entry = deref(props.schema.items ?? {}, props.scope.definitions);
  return entry.properties?.["rules"] ? <WaysOfRules {...props} /> : <RulesAlone {...props} />;
}

function RulesAlone({ scope, schema, label, help, error, value, onChange, path }: WidgetProps) {
  const { t } = useTranslation("editor");
  const rules = (Array.isArray(value) ? value : []).filter(isObject);
  const rule = deref(schema.items ?? {}, scope.definitions);
  const operators = choicesOf(rule.properties?.["operator"] ?? {}, scope.definitions) ?? [];
  return (
    <div role="group" aria-label={label}>
      <div className={classes["labelRow"]}><span className={classes["label"]}>{label}</span></div>
      {help && <div className={classes["help"]} style={{ marginBlockEnd: 6 }}>{help}</div>}
      {error && <div className={classes["error"]}>{error}</div>}
      {rules.length > 0 && (
        <div className={classes["way"]}>
          {rules.map((entry, number) => {
            const at = [...path.map(String), String(number)];
            const problems = scope.problems.filter((problem) => at.every((part, place) => problem.path[place] === part));
            return (
              <div key={number} data-path={at.join("/")}>
                <RuleRow
                  scope={scope} rule={entry} operators={operators}
                  onChange={(next) => onChange(next ? rules.map((other, place) => (place === number ? next : other)) : rules.filter((_, place) => place !== number))}
                />
                {problems.length > 0 && <div className={classes["error"]}>{problems.map(problemText).join(" ")}</div>}
              </div>
            );
          })}
        </div>
      )}
      <button type="button" className={classes["add"]} onClick={() => onChange([...rules, freshRule(operators)])}>
        <Plus size={14} aria-hidden />{t("rules.addRule")}
      </button>
    </div>
  );
}

function WaysOfRules({ scope, schema, label, help, error, value, onChange, path }: WidgetProps) {
  const { t } = useTranslation("editor");
  const result = useEditor((state) => state.results[scope.step]);
  const ways = (Array.isArray(value) ? value : []).filter(isObject);
  const way = deref(schema.items ?? {}, scope.definitions);
  const property = (from: Schema, name: string) => deref(from.properties?.[name] ?? {}, scope.definitions);
  const rule = deref(property(way, "rules").items ?? {}, scope.definitions);
  const operators = choicesOf(rule.properties?.["operator"] ?? {}, scope.definitions) ?? [];
  const modes = choicesOf(way.properties?.["match"] ?? {}, scope.definitions) ?? [];
  const fired = result?.step.state === "succeeded" ? (result.step.ports ?? []) : null;
  const passed = fired ? ways.findIndex((item) => fired.includes(text(item, "name"))) : -1;
  const set = (index: number, next: JsonObject) => onChange(ways.map((item, at) => (at === index ? next : item)));
  const otherwise = typeof scope.config["otherwise"] === "string" ? scope.config["otherwise"] : "";

  return (
    <div>
      <p className={classes["help"]} style={{ fontSize: 13, lineHeight: "20px", marginBlockEnd: 10, color: "var(--text2)" }}>{help || label}</p>
      {error && <div className={classes["error"]}>{error}</div>}
      <div className={classes["form"]} style={{ gap: 12 }}>
        {ways.map((item, index) => {
          const rules = (Array.isArray(item["rules"]) ? item["rules"] : []).filter(isObject);
          const at = [...path.map(String), String(index)];
          const problems = scope.problems.filter((problem) => at.every((part, place) => problem.path[place] === part));
          const verdict = fired === null || (passed >= 0 && index > passed) ? null : index === passed;
          return (
            <section className={classes["way"]} key={index} aria-label={text(item, "title") || text(item, "name")}>
              <div className={classes["wayHead"]}>
                <input
                  className={classes["wayName"]} aria-label={t("rules.wayName")} value={text(item, "title") || text(item, "name")}
                  onChange={(event) => set(index, { ...item, title: event.currentTarget.value })}
                />
                {verdict !== null && (
                  <span className={[classes["verdict"], verdict ? classes["verdictYes"] : classes["verdictNo"]].join(" ")}>
                    {verdict && <Check size={12} aria-hidden />}{verdict ? t("rules.true") : t("rules.false")}
                  </span>
                )}
                <ActionIcon size={24} aria-label={t("items.remove", { name: text(item, "title") || text(item, "name") })} onClick={() => onChange(ways.filter((_, other) => other !== index))}><Trash2 size={14} /></ActionIcon>
              </div>
              {rules.map((entry, number) => (
                <RuleRow
                  key={number} scope={scope} rule={entry} operators={operators}
                  onChange={(next) => set(index, { ...item, rules: next ? rules.map((other, place) => (place === number ? next : other)) : rules.filter((_, place) => place !== number) })}
                />
              ))}
              {rules.length > 1 && modes.length > 0 && (
                <Select
                  size="xs" aria-label={t("rules.match")} allowDeselect={false} data={modes} value={text(item, "match") || modes[0]?.value || null}
                  onChange={(next) => next && set(index, { ...item, match: next })}
                />
              )}
              {problems.length > 0 && <div className={classes["error"]}>{problems.map(problemText).join(" ")}</div>}
              <button
                type="button" className={classes["add"]}
                onClick={() => set(index, { ...item, rules: [...rules, freshRule(operators)] })}
              >
                <Plus size={14} aria-hidden />{t("rules.addRule")}
              </button>
            </section>
          );
        })}
        {otherwise && (
          <div className={classes["otherwise"]}>
            <CornerDownRight size={15} aria-hidden /><b style={{ fontWeight: 500, color: "var(--text)" }}>{otherwise}</b>
            <span style={{ marginInlineStart: "auto", fontSize: 12 }}>{t("rules.otherwise")}</span>
          </div>
        )}
      </div>
      <button
        type="button" className={classes["add"]} style={{ marginBlockStart: 8 }}
        onClick={() => {
          const title = t("rules.newWay", { number: ways.length + 1 });
          const name = freshName(title, ways.map((item) => text(item, "name")), `way_${ways.length + 1}`);
          onChange([...ways, { name, title, ...(modes[0] ? { match: modes[0].value } : {}), rules: [freshRule(operators)] }]);
        }}
      >
        <Plus size={14} aria-hidden />{t("rules.addWay")}
      </button>
    </div>
  );
}

const freshRule = (operators: ReadonlyArray<{ value: string }>) => ({ value: "", operator: operators[0]?.value ?? "is", operand: "" });

interface RowProps {
  scope: FormScope;
  rule: JsonObject;
  operators: ReadonlyArray<{ value: string; label: string }>;
  onChange: (rule: JsonObject | null) => void;
}

function RuleRow({ scope, rule, operators, onChange }: RowProps) {
  const { t } = useTranslation("editor");
  const chip = onlyChip(text(rule, "value"));
  const found = chip ? resolve(scope.sources, chip.path) : null;
  const operator = text(rule, "operator");
  const shown = operators.filter((item) => item.value === operator || fitting(item.value, found?.kind?.kind));
  const options = found?.kind?.kind === "choice" ? found.kind.options : null;
  const operand = text(rule, "operand");
  return (
    <div className={classes["rule"]}>
      <ValueField label={t("rules.value")} value={text(rule, "value")} sources={scope.sources} onChange={(next) => (next === "" && text(rule, "value") !== "" ? onChange({ ...rule, value: "" }) : onChange({ ...rule, value: next }))} onGoTo={scope.goTo} />
      <div className={classes["row"]}>
        <Select className={classes["grow"]} aria-label={t("rules.operator")} allowDeselect={false} data={shown} value={operator || null} onChange={(next) => onChange({ ...rule, operator: next ?? operator })} />
        <ActionIcon size={24} aria-label={t("rules.removeRule")} onClick={() => onChange(null)}><Trash2 size={14} /></ActionIcon>
      </div>
      {!ALONE.test(operator) && (
        <div className={classes["ruleOperand"]}>
          {options && (operand === "" || options.some((item) => item.value === operand))
            ? <Select className={classes["grow"]} aria-label={t("rules.operand")} data={options.map((item) => ({ value: item.value, label: item.title || item.value }))} value={operand || null} onChange={(next) => onChange({ ...rule, operand: next ?? "" })} />
            : <div className={classes["grow"]}><TemplateField hideLabel label={t("rules.operand")} size="line" value={operand} sources={scope.sources} wanted={found?.kind ?? null} placeholder={t("rules.operandHint")} onChange={(next) => onChange({ ...rule, operand: next })} onGoTo={scope.goTo} /></div>}
        </div>
      )}
    </div>
  );
}
