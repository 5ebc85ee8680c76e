// The batches of a workflow, newest first; with `new` in the address the screen that starts one.

import { Button } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useTranslation } from "react-i18next";

import { api, ask } from "~/api/client";
import type { Batch, WorkflowDetail } from "~/api/types";
import { useFormat } from "~/lib/format";
import { useLiveQueries } from "~/lib/live-queries";
import { keys } from "~/lib/queries";
import { Empty, Loading, Page } from "~/ui/Page";
import { ErrorPanel } from "~/ui/Problem";
import table from "~/ui/Table.module.css";
import { walkRows } from "~/ui/walk-rows";
import { BatchState } from "./BatchState";
import { StartPage } from "./StartPage";

const LIVE = ["batches"];

export function BatchesPage() {
  const { id = "" } = useParams({ strict: false });
  const search: { new?: boolean } = useSearch({ strict: false });
  const { t } = useTranslation("batch");
  const workflow = useQuery({ queryKey: keys.workflow(id), queryFn: () => ask(api.GET("/api/workflows/{id}", { params: { path: { id } } })) });
  if (workflow.isPending || workflow.isError) {
    return (
      <Page title={t("title")} help="batches">
        {workflow.isError ? <ErrorPanel error={workflow.error} retry={() => void workflow.refetch()} /> : <Loading />}
      </Page>
    );
  }
  return search.new === true ? <StartPage workflow={workflow.data} /> : <Batches workflow={workflow.data} />;
}

function Batches({ workflow }: { workflow: WorkflowDetail }) {
  const { t } = useTranslation("batch");
  const { id } = workflow;
  useLiveQueries(LIVE);
  const batches = useInfiniteQuery({
    queryKey: [...keys.batches, "of", id],
    queryFn: ({ pageParam }) => ask(api.GET("/api/workflows/{id}/batches", { params: { path: { id }, query: { after: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  });
  const rows = batches.data?.pages.flatMap((page) => page.items) ?? [];
  const start = (
    <Button leftSection={<Plus size={16} strokeWidth={1.75} />} renderRoot={(props) => <Link {...props} to="/workflows/$id/batches" params={{ id }} search={{ new: true }} />}>
      {t("new")}
    </Button>
  );
  return (
    <Page
      title={t("titleOf", { name: workflow.name })}
      sub={<Link to="/workflows/$id" params={{ id }} className="link">{t("toWorkflow")}</Link>}
      actions={rows.length > 0 && start}
      help="batches"
    >
      {batches.isError && <ErrorPanel error={batches.error} retry={() => void batches.refetch()} />}
      {batches.isPending && <Loading lines={4} />}
      {batches.data !== undefined && rows.length === 0 && <Empty action={start}>{t("none")}</Empty>}
      {rows.length > 0 && (
        <div className={table.wrap}>
          <table className={table.table} data-lines="2" onKeyDown={walkRows}>
            <thead>
              <tr>
                <th scope="col">{t("column.file")}</th>
                <th scope="col">{t("column.state")}</th>
                <th scope="col" className={table.wide}>{t("column.rows")}</th>
                <th scope="col">{t("column.started")}</th>
              </tr>
            </thead>
            <tbody>{rows.map((batch) => <Row key={batch.id} batch={batch} />)}</tbody>
          </table>
          {batches.hasNextPage && (
            <div className={table.more}>
              <Button variant="subtle" color="gray" loading={batches.isFetchingNextPage} onClick={() => void batches.fetchNextPage()}>{t("more")}</Button>
            </div>
          )}
        </div>
      )}
    </Page>
  );
}

function Row({ batch }: { batch: Batch }) {
  const { t } = useTranslation("batch");
  const format = useFormat();
  const { counts } = batch;
  const all = counts.ready + counts.begun + counts.succeeded + counts.failed + counts.cancelled;
  return (
    <tr>
      <td>
        <span className={table.two}>
          <Link to="/batches/$id" params={{ id: batch.id }} className={`${table.row} ${table.cut}`}>{batch.name}</Link>
          {batch.created_by !== null && <span>{batch.created_by}</span>}
        </span>
      </td>
      <td><BatchState batch={batch} /></td>
      <td className={table.wide}>
        <span className={table.two}>
          <span className="num">{t("doneOf", { done: counts.succeeded, all })}</span>
          {counts.failed > 0 && <span>{t("failedCount", { count: counts.failed })}</span>}
        </span>
      </td>
      <td className={table.quiet} title={format.exact(batch.created_at)}>{format.ago(batch.created_at)}</td>
    </tr>
  );
}
