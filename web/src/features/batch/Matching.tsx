// What each column of the file fills, with the first cells of the column beside it.

import { Select } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { BatchPreview } from "~/api/types";
import table from "~/ui/Table.module.css";

/** Cells that show what a column holds. */
const SHOWN = 3;

interface Props {
  seen: BatchPreview;
  /** What each column fills. */
  columns: (string | null)[];
  /** These are the columns of what was chosen before. */
  isOld: boolean;
  change: (columns: (string | null)[]) => void;
}

export function Matching({ seen, columns, isOld, change }: Props) {
  const { t } = useTranslation("batch");
  const fields = seen.fields.filter((field) => !field.no_cell);
  const data = fields.map((field) => ({ value: field.name, label: field.required ? t("required", { title: field.title }) : field.title }));
  const impossible = seen.fields.filter((field) => field.no_cell && !field.required).map((field) => field.title);
  return (
    <>
      <div className={table.wrap}>
        <table className={table.table}>
          <thead>
            <tr>
              <th scope="col">{t("match.column")}</th>
              <th scope="col" className={table.wide}>{t("match.cells")}</th>
              <th scope="col">{t("match.field")}</th>
            </tr>
          </thead>
          <tbody>
            {seen.headings.map((heading, at) => {
              const name = heading.text.trim() === "" ? t("match.untitled", { number: at + 1 }) : heading.text;
              const cells = seen.sample.map((row) => row.cells[at] ?? "").filter((cell) => cell.trim() !== "");
              return (
                <tr key={at}>
                  <th scope="row">{name}</th>
                  <td className={`${table.wide} ${table.quiet}`}><span className={table.cut}>{cells.slice(0, SHOWN).join(" · ")}</span></td>
                  <td>
                    <Select
                      aria-label={t("match.fills", { column: name })} placeholder={t("match.nothing")} clearable searchable={data.length > 8} data={data} value={columns[at] ?? null} disabled={isOld}
                      onChange={(field) => change(columns.map((other, place) => (place === at ? field : other)))}
                    />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {impossible.length > 0 && <p className={table.quiet}>{t("match.impossible", { fields: impossible.join(", ") })}</p>}
    </>
  );
}
