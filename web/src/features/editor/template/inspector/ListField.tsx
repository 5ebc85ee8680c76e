// Binds a block to a list by choosing it. Another list brings its own columns where none of the old ones fits it.

import { Select } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { isObject, toPointer } from "~/lib/document/pointer";
import type { Json, JsonObject } from "~/lib/document/types";
import { patched, put } from "~/lib/template/edits";
import { listOf, listsIn, shownKind } from "~/lib/template/scope";
import type { ListHere } from "~/lib/template/scope";
import { columnsFor } from "~/lib/template/starts";
import { TemplateField } from "~/features/editor/chips/TemplateField";
import { useSourcesAt } from "../commands";
import { useTemplateStore } from "../state";
import type { MemberProps } from "./MemberForm";

/** Whether a column shows something of the list's entries. */
function fits(column: Json, list: ListHere): boolean {
  return isObject(column) && typeof column["value"] === "string" && shownKind(column["value"], list.item) !== null;
}

export function ListField({ member, path, record, label, error, value, onChange }: MemberProps) {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const sources = useSourcesAt([...path, member.name]);
  const lists = listsIn(sources.filter((source) => source.id !== "firm"));
  const written = typeof value === "string" ? value : "";
  const bound = listOf(written, sources);
  const optional = member.name === "each" || member.name === "days";
  if (written !== "" && !bound) {
    return <TemplateField label={label} error={error} value={written} sources={sources} size="line" onChange={(next) => onChange(next === "" ? undefined : next)} />;
  }
  const choose = (list: ListHere | undefined) => {
    const columns = record["columns"];
    const rebound = list && member.name === "rows" && Array.isArray(columns) && !columns.some((column) => fits(column, list));
    if (!list || !rebound) {
      onChange(list ? `{{ ${list.path.join(".")} }}` : undefined);
      return;
    }
    const next: JsonObject = patched(record, { rows: `{{ ${list.path.join(".")} }}`, columns: columnsFor(list), totals: undefined, total_label: undefined, group: undefined });
    store.edit(t("label.bind", { name: list.title }), (template) => put(template, path, next), toPointer(path));
  };
  const rows = (list: ListHere) => (Array.isArray(list.value) ? t("list.rows", { count: list.value.length }) : "");
  return (
    <Select
      label={label} error={error} clearable={optional} allowDeselect={false} placeholder={lists.length > 0 ? t("list.choose") : t("list.none")}
      data={lists.map((list) => ({ value: list.path.join("."), label: [list.title, rows(list)].filter(Boolean).join(" · ") }))}
      value={bound?.path.join(".") ?? null} onChange={(next) => choose(lists.find((list) => list.path.join(".") === next))}
    />
  );
}
