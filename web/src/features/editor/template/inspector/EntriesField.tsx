// Entries of a block, each with a form of its own: pairs, lines of totals, series, columns. A table's columns carry their sums with them.

import { Menu, Select, Switch } from "@mantine/core";
import { Plus } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";

import { isObject, toPointer } from "~/lib/document/pointer";
import type { Path } from "~/lib/document/pointer";
import type { JsonObject } from "~/lib/document/types";
import { fieldTitle } from "~/lib/expression/kind";
import type { Kind } from "~/lib/expression/kind";
import { put, sumOf, withColumns, withSum, withTotal } from "~/lib/template/edits";
import { TOTALS } from "~/lib/template/members";
import type { Member } from "~/lib/template/members";
import { columnsOf, listOf, shownKind } from "~/lib/template/scope";
import { addingFormat, columnFor } from "~/lib/template/starts";
import { Items } from "~/features/editor/widgets/Items";
import { useSourcesAt } from "../commands";
import { useTemplateStore } from "../state";
import { shortText as short } from "../words";
import { MemberForm } from "./MemberForm";
import type { MemberProps } from "./MemberForm";
import { useOpenEntry } from "./opened";
import widgets from "~/features/editor/widgets/widgets.module.css";

const text = (entry: JsonObject, name: string) => (typeof entry[name] === "string" ? (entry[name] as string) : "");

function fresh(member: Member, words: { label: string }): JsonObject {
  if (member.start) return member.start;
  if (member.name === "columns") return { blocks: [] };
  if (member.name === "series") return { name: words.label, value: "" };
  return { label: words.label, value: "" };
}

export function EntriesField({ member, path, label, error, value, onChange }: MemberProps) {
  const { t } = useTranslation("template");
  const entries = (Array.isArray(value) ? value : []).filter(isObject);
  const own = [...path, member.name];
  const [open, setOpen] = useOpenEntry(own);
  const title = (entry: JsonObject) => {
    const words = short(text(entry, "label") || text(entry, "name") || text(entry, "value") || text(entry, "source"));
    return words || t("entry.number", { number: entries.indexOf(entry) + 1 });
  };
  return (
    <div>
      <div className={widgets["labelRow"]}><span className={widgets["label"]}>{label}</span></div>
      {member.help && <div className={widgets["help"]}>{t(`help.${member.help}`)}</div>}
      {error && <div className={widgets["error"]}>{error}</div>}
      <Items
        label={label} items={entries} open={open} onOpen={setOpen} title={title} onChange={(next) => onChange(next)}
        addLabel={t(`entry.add.${member.name}`)}
        onAdd={() => {
          if (member.most !== undefined && entries.length >= member.most) return;
          onChange([...entries, fresh(member, { label: t("start.label") })]);
          setOpen(entries.length);
        }}
        body={(_, index) => <MemberForm members={member.of ?? []} path={[...own, index]} />}
      />
    </div>
  );
}

/** A table's columns: added from the values of its list, each with a sum below where it has one. */
export function ColumnsField({ member, path, record, label, error, value }: MemberProps) {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const columns = (Array.isArray(value) ? value : []).filter(isObject);
  const own = [...path, member.name];
  const [open, setOpen] = useOpenEntry(own);
  const list = listOf(text(record, "rows"), useSourcesAt([...path, "rows"]));
  const shown = columns.map((column) => (list ? shownKind(text(column, "value"), list.item) : null));
  const left = columnsOf(list).filter((field) => !["list", "record", "file"].includes(field.kind) && !shown.some((one) => one?.field === field.name));
  const write = (next: readonly JsonObject[], what: string) => store.edit(what, (template) => put(template, path, withColumns(record, next)), null);
  const add = (column: JsonObject) => {
    write([...columns, column], t("label.addColumn"));
    setOpen(columns.length);
  };
  const full = member.most !== undefined && columns.length >= member.most;
  return (
    <div>
      <div className={widgets["labelRow"]}>
        <span className={widgets["label"]}>{label}</span>
        <Menu disabled={full}>
          <Menu.Target><button type="button" className={widgets["add"]} disabled={full}><Plus size={14} aria-hidden />{t("column.add")}</button></Menu.Target>
          <Menu.Dropdown>
            {left.map((field) => <Menu.Item key={field.name} onClick={() => add(columnFor(field))}>{fieldTitle(field)}</Menu.Item>)}
            {left.length > 0 && <Menu.Divider />}
            <Menu.Item onClick={() => add({ heading: t("column.new"), value: "" })}>{t("column.empty")}</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
      {error && <div className={widgets["error"]}>{error}</div>}
      <Items
        label={label} items={columns} open={open} onOpen={setOpen}
        title={(column) => short(text(column, "heading")) || short(text(column, "value")) || t("entry.number", { number: columns.indexOf(column) + 1 })}
        tail={(column) => short(text(column, "value"))}
        onChange={(next, what) => write(next, t(what === "move" ? "label.moveColumn" : "label.removeColumn"))}
        addLabel={t("column.empty")} onAdd={() => { if (!full) add({ heading: t("column.new"), value: "" }); }}
        body={(column, index) => (
          <>
            <MemberForm members={member.of ?? []} path={[...own, index]} />
            <Below table={record} path={path} at={index} column={column} shown={shown[index] ?? null} title={short(text(column, "heading"))} />
          </>
        )}
      />
    </div>
  );
}

interface BelowProps {
  table: JsonObject;
  path: Path;
  at: number;
  column: JsonObject;
  shown: { field: string; kind: Kind } | null;
  title: string;
}

/** What stands below the column: what is added up, by choosing it. A text that somebody wrote there by hand stays as it is. */
function Below({ table, path, at, column, shown, title }: BelowProps) {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const id = useId();
  const [last, setLast] = useState("");
  const now = sumOf(table, at);
  const place = toPointer([...path, "columns", at, "total"]);
  const what = t("label.sum", { name: title });
  if (now !== "" || last !== "") {
    const change = (on: boolean) => {
      if (!on) setLast(now);
      store.edit(what, (template) => put(template, path, withSum(table, at, on ? last : "")), place);
    };
    return (
      <div className={widgets["switchRow"]}>
        <label className={widgets["label"]} htmlFor={id}>{t("column.sum")}</label>
        <Switch id={id} checked={now !== ""} onChange={(event) => change(event.currentTarget.checked)} />
      </div>
    );
  }
  const total = text(column, "total");
  // The label of the row stands below the first one.
  if (at === 0 && total === "") return null;
  const written = isObject(column["format"]) ? text(column["format"], "kind") : "";
  const adding = written === "" || written === "text" ? addingFormat(shown?.kind ?? { kind: "any" }) : null;
  const adds = adding !== null || (written !== "" && written !== "text");
  const offered = TOTALS.filter((one) => adds || one === "count" || one === total);
  const choose = (next: string) => {
    const changed: JsonObject = next !== "" && next !== "count" && adding && shown ? { value: `{{ item.${shown.field} }}`, format: adding } : {};
    store.edit(what, (template) => put(template, path, withTotal(table, at, next === "" ? undefined : next, changed, t("start.total"))), place);
  };
  return (
    <Select
      label={t("column.sum")} allowDeselect={false} value={total} onChange={(next) => choose(next ?? "")}
      data={["", ...offered].map((one) => ({ value: one, label: t(`choice.total.${one === "" ? "usual" : one}`) }))}
    />
  );
}
