import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Plus, Upload } from "lucide-react";
import { useTranslation } from "react-i18next";
import { FileChoice } from "~/ui/FileChoice";
import { api, ask, items, sendBytes } from "~/api/client";
import { useFormat } from "~/lib/format";
import { useLiveQueries } from "~/lib/live-queries";
import { keys } from "~/lib/queries";
import { Empty, Loading, Page } from "~/ui/Page";
import { ErrorPanel } from "~/ui/Problem";
import table from "~/ui/Table.module.css";
import { useFirmLocale } from "./firm";
import { useMessages } from "./messages";
import type { TableItem } from "./types";

const LIVE = ["tables"];

/** The firm's own lists. */
export function TablesPage() {
  const { t: shell } = useTranslation();
  const { t } = useTranslation("tables");
  const format = useFormat();
  const ready = useMessages();
  useLiveQueries(LIVE);
  // Kept as the server sends it: the editor reads the same entry.
  const tables = useQuery({ queryKey: keys.tables, queryFn: () => ask(api.GET("/api/tables")) });
  const known = items(tables.data) as TableItem[];
  const make = useMake(known);
  if (!ready) return <Loading lines={3} />;
  const actions = (
    <>
      <FileChoice accept=".csv,.tsv,.txt,text/csv,text/tab-separated-values" onChoose={(file) => make.file.mutate(file)}>
        {(props) => <Button {...props} variant="default" loading={make.file.isPending} leftSection={<Upload size={16} strokeWidth={1.75} />}>{t("fromFile")}</Button>}
      </FileChoice>
      <Button loading={make.empty.isPending} leftSection={<Plus size={16} />} onClick={() => make.empty.mutate()}>{t("new")}</Button>
    </>
  );
  const none = tables.data !== undefined && known.length === 0;
  return (
    <Page title={shell("nav.tables")} sub={t("sub")} help="tables" actions={none ? undefined : actions}>
      {tables.isError && <ErrorPanel error={tables.error} retry={() => void tables.refetch()} />}
      {make.file.isError && <ErrorPanel error={make.file.error} />}
      {make.empty.isError && <ErrorPanel error={make.empty.error} />}
      {tables.isPending && <Loading lines={3} />}
      {none && <Empty action={<div style={{ display: "flex", gap: 8 }}>{actions}</div>}>{t("none")}</Empty>}
      {!none && tables.data && (
        <div className={table.wrap}>
          <table className={table.table}>
            <tbody>
              {known.map((item) => (
                <tr key={item.id}>
                  <td><Link to="/tables/$id" params={{ id: item.id }} className={table.row}>{item.name}</Link></td>
                  <td>{t("rows", { count: item.row_count })}</td>
                  <td>{t("columns", { count: item.columns.length })}</td>
                  <td>{t("used", { count: item.used_by.length })}</td>
                  <td title={format.exact(item.changed_at)}>{format.ago(item.changed_at)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Page>
  );
}

/** Making a table, empty or of a file, and going there. */
function useMake(known: readonly TableItem[]) {
  const { t } = useTranslation("tables");
  const client = useQueryClient();
  const navigate = useNavigate();
  const locale = useFirmLocale();
  const open = (made: { id: string }) => {
    void client.invalidateQueries({ queryKey: keys.tables });
    void navigate({ to: "/tables/$id", params: { id: made.id } });
  };
  const free = (name: string) => {
    const taken = new Set(known.map((one) => one.name.toLowerCase()));
    let next = name;
    for (let number = 2; taken.has(next.toLowerCase()); number += 1) next = `${name} ${number}`;
    return next;
  };
  const empty = useMutation({
    mutationFn: () => {
      const columns = [{ name: "name", title: t("firstColumn"), kind: "text", optional: true }];
      return ask(api.POST("/api/tables", { body: { name: free(t("newName")), columns, name_column: "name" } as never }));
    },
    onSuccess: open,
  });
  const file = useMutation({
    mutationFn: (chosen: File) => {
      const query = new URLSearchParams({ name: free(chosen.name.replace(/\.[a-z]+$/i, "").slice(0, 190) || t("newName")), locale });
      return sendBytes<{ id: string }>("POST", `/api/tables/from-file?${query.toString()}`, new Blob([chosen], { type: "text/csv" }));
    },
    onSuccess: open,
  });
  return { empty, file };
}
