// Entries of a block, each with a form of its own: pairs, lines of totals, series, columns. A table's columns carry their sums with them.

import { Menu, Switch } from "@mantine/core";
import { Plus } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";

import { isObject, toPointer } from "~/lib/document/pointer";
import type { Path } from "~/lib/document/pointer";
import type { JsonObject } from "~/lib/document/types";
import { fieldTitle } from "~/lib/expression/kind";
import type { Kind } from "~/lib/expression/kind";
import { pieces } from "~/lib/expression/template";
import { put, sumOf, withColumns, withSum } from "~/lib/template/edits";
import { columnsOf, listOf, shownKind } from "~/lib/template/scope";
import { canSum, columnFor, sumText } from "~/lib/template/starts";
import { Items } from "~/features/editor/widgets/Items";
import { useSourcesAt } from "../commands";
import { useTemplateStore } from "../state";
import { MemberForm } from "./MemberForm";
import type { MemberProps } from "./MemberForm";
import { useOpenEntry } from "./opened";
import widgets from "~/features/editor/widgets/widgets.module.css";

const text = (entry: JsonObject, name: string) => (typeof entry[name] === "string" ? (entry[name] as string) : "");

/** A text in short, with values by their names. */
function short(source: string): string {
  return pieces(source).map((piece) => (piece.type === "text" ? piece.text : piece.type === "chip" ? (piece.chip.path.at(-1) ?? "") : "…")).join("").trim();
}

function fresh(member: string, words: { label: string }): JsonObject {
  if (member === "columns") return { blocks: [] };
  if (member === "series") return { name: words.label, value: "" };
  return { label: words.label, value: "" };
}

export function EntriesField({ member, path, label, error, value, onChange }: MemberProps) {
  const { t } = useTranslation("template");
  const entries = (Array.isArray(value) ? value : []).filter(isObject);
  const own = [...path, member.name];
  const [open, setOpen] = useOpenEntry(own);
  const title = (entry: JsonObject) => {
    const words = short(text(entry, "label") || text(entry, "name") || text(entry, "value"));
    return words || t("entry.number", { number: entries.indexOf(entry) + 1 });
  };
  return (
    <div>
      <div className={widgets["labelRow"]}><span className={widgets["label"]}>{label}</span></div>
      {error && <div className={widgets["error"]}>{error}</div>}
      <Items
        label={label} items={entries} open={open} onOpen={setOpen} title={title} onChange={(next) => onChange(next)}
        addLabel={t(`entry.add.${member.name}`)}
        onAdd={() => {
          if (member.most !== undefined && entries.length >= member.most) return;
          onChange([...entries, fresh(member.name, { label: t("start.label") })]);
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
            <Sum table={record} path={path} column={index} list={list?.path.join(".") ?? null} shown={shown[index] ?? null} title={short(text(column, "heading"))} />
          </>
        )}
      />
    </div>
  );
}

interface SumProps {
  table: JsonObject;
  path: Path;
  column: number;
  list: string | null;
  shown: { field: string; kind: Kind } | null;
  title: string;
}

/** A sum below the column, by choosing it; one that somebody wrote by hand stays as it is. */
function Sum({ table, path, column, list, shown, title }: SumProps) {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const id = useId();
  const [last, setLast] = useState("");
  const now = sumOf(table, column);
  const usual = list && shown && canSum(shown.kind) ? sumText(list, shown.field, shown.kind) : "";
  if (now === "" && usual === "" && last === "") return null;
  const change = (on: boolean) => {
    if (!on) setLast(now);
    store.edit(t("label.sum", { name: title }), (template) => put(template, path, withSum(table, column, on ? last || usual : "")), toPointer([...path, "totals", column]));
  };
  return (
    <div className={widgets["switchRow"]}>
      <label className={widgets["label"]} htmlFor={id}>{t("column.sum")}</label>
      <Switch id={id} checked={now !== ""} onChange={(event) => change(event.currentTarget.checked)} />
    </div>
  );
}

