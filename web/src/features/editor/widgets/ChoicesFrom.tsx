// Where a question's choices come from: written here, or the rows of a table.

import { SegmentedControl, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { items } from "~/api/client";
import type { FormField } from "~/lib/document/form";
import { isObject, without } from "~/lib/document/pointer";
import { keys } from "~/lib/queries";
import { getTables } from "../api";
import { ColumnSelect } from "./tables";
import classes from "./widgets.module.css";

interface Props {
  field: FormField;
  onChange: (field: FormField) => void;
  /** The choices written here. */
  written: React.ReactNode;
}

export function ChoicesFrom({ field, onChange, written }: Props) {
  const { t } = useTranslation("editor");
  const list = useQuery({ queryKey: keys.tables, queryFn: getTables });
  const tables = list.data ? items(list.data) : [];
  const from = isObject(field["choices_from"]) ? field["choices_from"] : null;
  const table = tables.find((one) => one.id === from?.["table"]);
  const column = typeof from?.["column"] === "string" ? from["column"] : "";
  const texts = table?.columns.filter((one) => one.kind === "text" || one.kind === "choice") ?? [];
  const choose = (id: string) => {
    const next = tables.find((one) => one.id === id);
    const first = next?.name_column ?? next?.columns.find((one) => one.kind === "text")?.name ?? "";
    onChange({ ...field, options: [], choices_from: { table: id, column: first } });
  };
  return (
    <>
      <SegmentedControl
        aria-label={t("table.choices")} value={from ? "table" : "written"} data={[{ value: "written", label: t("table.choicesWritten") }, { value: "table", label: t("table.choicesTable") }]}
        onChange={(next) => (next === "table" ? choose(tables[0]?.id ?? "") : onChange(without(field, "choices_from") as FormField))}
      />
      {from ? (
        <>
          <Select
            label={t("table.table")} allowDeselect={false} placeholder={t("resource.chooseTable")} nothingFoundMessage={t("resource.none")}
            data={tables.map((one) => ({ value: one.id, label: one.name }))} value={table?.id ?? null} onChange={(next) => next && choose(next)}
          />
          <ColumnSelect label={t("table.column")} columns={texts} value={column} onChange={(name) => onChange({ ...field, choices_from: { table: String(from["table"]), column: name } })} />
          <div className={classes["help"]}>{t("table.choicesHelp")}</div>
        </>
      ) : written}
    </>
  );
}
