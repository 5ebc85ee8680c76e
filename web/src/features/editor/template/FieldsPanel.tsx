// The typed fields that the document declares: what workflows fill in or the document computes, how long a text may be, and where each
// is read.

import { NumberInput, Select } from "@mantine/core";
import { Info } from "lucide-react";
import { useTranslation } from "react-i18next";

import { isObject } from "~/lib/document/pointer";
import type { JsonObject } from "~/lib/document/types";
import type { KindName } from "~/lib/expression/kind";
import { blockAt, pathOf } from "~/lib/template/blocks";
import { isReadByPage, patched, textColumns, usersOf, withFields } from "~/lib/template/edits";
import { OVERFLOWS, SOURCES } from "~/lib/template/members";
import { typedNumber } from "~/lib/typed-number";
import { TemplateField } from "../chips/TemplateField";
import { FieldList } from "../widgets/OutputFields";
import { useBlockCommands, useSourcesAt } from "./commands";
import { useTemplate, useTemplateStore } from "./state";
import { blockTitle } from "./words";
import classes from "./template.module.css";

const KINDS: readonly KindName[] = ["text", "integer", "decimal", "money", "date", "time", "instant", "yes_no", "choice", "list", "record", "file"];

export function FieldsPanel() {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const template = useTemplate();
  return (
    <div className={classes["fields"]}>
      <FieldList
        label={t("fields.label")} value={template["fields"]} depth={0} kinds={KINDS}
        onChange={(fields) => store.edit(t("label.fields"), (current) => withFields(current, fields), "fields")}
        note={(field, change) => <><Rules field={field} onChange={change} /><Users field={field} /></>}
      />
      <p className={classes["hint"]}><Info size={14} aria-hidden />{t("fields.help")}</p>
    </div>
  );
}

/** Who fills a field in, how it is computed, and how many lines its text, or the texts in it, may take. */
function Rules({ field, onChange }: { field: JsonObject; onChange: (field: JsonObject) => void }) {
  const { t } = useTranslation("template");
  const sources = useSourcesAt(["fields"]).filter((source) => source.id !== field["name"]);
  const set = (patch: Patch) => onChange(patched(field, patch));
  const text = (name: string) => (typeof field[name] === "string" ? (field[name] as string) : "");
  const source = text("source");
  const columns: JsonObject = isObject(field["columns"]) ? field["columns"] : {};
  const limitOf = (path: string): JsonObject => {
    const limit = columns[path];
    return isObject(limit) ? limit : {};
  };
  const setColumn = (path: string, patch: Patch) => {
    const limit = patched(limitOf(path), patch);
    const limits = patched(columns, { [path]: Object.keys(limit).length === 0 ? undefined : limit });
    onChange(patched(field, { columns: Object.keys(limits).length === 0 ? undefined : limits }));
  };
  // A model writes words only.
  const offered = SOURCES.filter((one) => one !== "written" || ["text", "choice", "yes_no", "list", "record"].includes(text("kind")) || one === source);
  return (
    <>
      <Select
        label={t("fields.source")} allowDeselect={false} value={source}
        data={["", ...offered].map((one) => ({ value: one, label: t(`choice.source.${one === "" ? "usual" : one}`) }))}
        onChange={(next) => set({ source: next || undefined, value: next === "computed" ? text("value") : undefined })}
      />
      {source === "computed" && <TemplateField label={t("fields.value")} error={null} value={text("value")} sources={sources} size="line" onChange={(value) => set({ value })} />}
      {field["kind"] === "text" && <Lines limit={field} label={t("member.max_lines")} overflowLabel={t("member.overflow")} onChange={set} />}
      {textColumns(field).map(({ path, title }) => (
        <Lines
          key={path} limit={limitOf(path)} label={t("fields.columnLines", { name: title })} overflowLabel={t("fields.columnOverflow", { name: title })}
          onChange={(patch) => setColumn(path, patch)}
        />
      ))}
    </>
  );
}

type Patch = Record<string, string | number | undefined>;

interface LinesProps {
  /** What holds `max_lines` and `overflow`. */
  limit: JsonObject;
  label: string;
  overflowLabel: string;
  onChange: (patch: Patch) => void;
}

/** How many lines a text may take, and what becomes of a longer one. */
function Lines({ limit, label, overflowLabel, onChange }: LinesProps) {
  const { t } = useTranslation("template");
  const overflow = limit["overflow"];
  return (
    <>
      <NumberInput
        label={label} min={1} max={500} allowDecimal={false} placeholder={t("unset")} value={typeof limit["max_lines"] === "number" ? limit["max_lines"] : ""}
        onChange={(next) => {
          const lines = typedNumber(next);
          onChange(lines === undefined ? { max_lines: undefined, overflow: undefined } : { max_lines: lines });
        }}
      />
      {limit["max_lines"] !== undefined && (
        <Select
          label={overflowLabel} allowDeselect={false} value={typeof overflow === "string" ? overflow : "next_page"}
          data={OVERFLOWS.map((one) => ({ value: one, label: t(`choice.overflow.${one}`) }))}
          onChange={(next) => onChange({ overflow: next === "next_page" ? undefined : (next ?? undefined) })}
        />
      )}
    </>
  );
}

function Users({ field }: { field: JsonObject }) {
  const { t } = useTranslation("template");
  const template = useTemplate();
  const commands = useBlockCommands();
  const users = usersOf(template, String(field["name"] ?? ""));
  if (users.length === 0 && isReadByPage(template, String(field["name"] ?? ""))) return <p className={classes["hint"]}>{t("fields.page")}</p>;
  if (users.length === 0) return <p className={classes["hint"]}>{t("fields.unused")}</p>;
  return (
    <div>
      <div className={classes["small"]}>{t("fields.users")}</div>
      <ul className={classes["users"]}>
        {users.map((id) => {
          const path = pathOf(template, id);
          const block = path ? blockAt(template, path) : null;
          return block && <li key={id}><button type="button" className="link" onClick={() => commands.select(id)}>{blockTitle(block, t)}</button></li>;
        })}
      </ul>
    </div>
  );
}
