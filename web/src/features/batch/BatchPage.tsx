// One batch: how far it is, its rows with their runs, and what can be done with it and its documents.

import { Button, type ButtonProps, SegmentedControl } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Play, RotateCw, Square, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, ask } from "~/api/client";
import type { Batch, BatchRow } from "~/api/types";
import { useFormat } from "~/lib/format";
import { useLiveQueries } from "~/lib/live-queries";
import { keys } from "~/lib/queries";
import { useFocusOn } from "~/ui/focus";
import { Card, Empty, Loading, Page, Progress } from "~/ui/Page";
import { ErrorPanel, InlineError, StepErrorWords } from "~/ui/Problem";
import { State } from "~/ui/State";
import table from "~/ui/Table.module.css";
import { say } from "~/ui/Toasts";
import { walkRows } from "~/ui/walk-rows";
import classes from "./batch.module.css";
import { BatchState, whyItWaits } from "./BatchState";
import { DiscardDialog } from "./DiscardDialog";
import { Documents } from "./Documents";
import { ProblemWords } from "./Problems";
import { StopDialog } from "./StopDialog";

const LIVE = ["batches"];
const SHOWS = ["all", "unfinished", "succeeded", "failed", "cancelled", "left_out", "discarded"] as const;
type Show = (typeof SHOWS)[number];

export function BatchPage() {
  const { t } = useTranslation("batch");
  const { id = "" } = useParams({ strict: false });
  useLiveQueries(LIVE);
  const batch = useQuery({ queryKey: [...keys.batches, id], queryFn: () => ask(api.GET("/api/batches/{id}", { params: { path: { id } } })) });
  const { data } = batch;
  if (data === undefined) {
    return (
      <Page title={t("title")} help="batches">
        {batch.isError ? <ErrorPanel error={batch.error} retry={() => void batch.refetch()} /> : <Loading />}
      </Page>
    );
  }
  return (
    <Page title={data.name} sub={<Origin batch={data} />} actions={<Actions batch={data} />} help="batches">
      <Card>
        <div className={classes.form}>
          <Standing batch={data} />
          <Documents batch={data} />
        </div>
      </Card>
      <Rows batch={data} />
    </Page>
  );
}

function Origin({ batch }: { batch: Batch }) {
  const { t } = useTranslation("batch");
  const format = useFormat();
  const { workflow } = batch;
  return (
    <>
      <Link to="/workflows/$id/batches" params={{ id: workflow.id }} className="link">{t("version", { name: workflow.name, number: workflow.version })}</Link>
      {" · "}
      <span title={format.exact(batch.created_at)}>{batch.created_by === null ? format.when(batch.created_at) : t("startedBy", { name: batch.created_by, time: format.when(batch.created_at) })}</span>
      {batch.file_url !== null && <>{" · "}<a className="link" href={batch.file_url} download>{t("theFile")}</a></>}
    </>
  );
}

function Standing({ batch }: { batch: Batch }) {
  const { t } = useTranslation("batch");
  const { counts } = batch;
  const over = counts.succeeded + counts.failed + counts.cancelled;
  const all = over + counts.ready + counts.begun;
  const waits = whyItWaits(batch);
  return (
    <>
      <BatchState batch={batch} />
      <Progress value={all === 0 ? 1 : over / all} label={t("progress", { over, all })} />
      <p role="status">
        {t("progress", { over, all })}
        {counts.failed > 0 && ` ${t("failedCount", { count: counts.failed })}`}
        {counts.left_out > 0 && ` ${t("leftOutCount", { count: counts.left_out })}`}
        {counts.discarded > 0 && ` ${t("discard.count", { count: counts.discarded })}`}
      </p>
      {waits !== null && <p className={classes.small}>{t(`waitsLong.${waits}`)}</p>}
    </>
  );
}

function Actions({ batch }: { batch: Batch }) {
  const { t } = useTranslation("batch");
  const client = useQueryClient();
  const [stopping, setStopping] = useState(false);
  const [discarding, setDiscarding] = useState(false);
  const path = { path: { id: batch.id } };
  const onSuccess = () => client.invalidateQueries({ queryKey: keys.batches });
  const resume = useMutation({ mutationFn: () => ask(api.POST("/api/batches/{id}/resume", { params: path })), onSuccess });
  const retry = useMutation({
    mutationFn: () => ask(api.POST("/api/batches/{id}/retry", { params: path })),
    onSuccess: ({ retried, gone }) => {
      say(t("retried", { retried, gone }));
      return onSuccess();
    },
  });
  const again = batch.counts.failed + batch.counts.cancelled;
  // A stopped one of which neither is left has rows that wait to be tried again.
  const discards = batch.state === "stopped" && (batch.counts.ready > 0 || batch.counts.begun === 0);
  const icon = { size: 15, strokeWidth: 1.75 };
  return (
    <>
      {resume.isError && <InlineError error={resume.error} />}
      {retry.isError && <InlineError error={retry.error} />}
      {again > 0 && batch.state !== "stopped" && (
        <Act variant="default" leftSection={<RotateCw {...icon} />} loading={retry.isPending} onClick={() => retry.mutate()}>{t("retry", { count: again })}</Act>
      )}
      {batch.state === "stopped" && <Act leftSection={<Play {...icon} />} loading={resume.isPending} onClick={() => resume.mutate()}>{t("resume")}</Act>}
      {discards && (
        <Act variant="default" leftSection={<Trash2 {...icon} />} onClick={() => setDiscarding(true)}>{t("discard.button")}</Act>
      )}
      {batch.state !== "finished" && (batch.state === "running" || batch.counts.begun > 0) && (
        <Act variant="default" leftSection={<Square {...icon} />} onClick={() => setStopping(true)}>{t("stopBatch")}</Act>
      )}
      {stopping && <StopDialog batch={batch} close={() => setStopping(false)} />}
      {discarding && <DiscardDialog batch={batch} close={() => setDiscarding(false)} />}
    </>
  );
}

/** Which of these buttons there are changes with what they do. */
function Act(props: ButtonProps & { onClick: () => void }) {
  useFocusOn();
  return <Button {...props} />;
}

function Rows({ batch }: { batch: Batch }) {
  const { t } = useTranslation("batch");
  const { id, counts } = batch;
  const search: { show?: string } = useSearch({ strict: false });
  const navigate = useNavigate();
  const show: Show = SHOWS.find((one) => one === search.show) ?? "all";
  const amount: Record<Show, number> = {
    all: counts.ready + counts.begun + counts.succeeded + counts.failed + counts.cancelled + counts.left_out + counts.discarded,
    unfinished: counts.ready + counts.begun,
    succeeded: counts.succeeded,
    failed: counts.failed,
    cancelled: counts.cancelled,
    left_out: counts.left_out,
    discarded: counts.discarded,
  };
  const rows = useInfiniteQuery({
    queryKey: [...keys.batches, id, "rows", show],
    queryFn: ({ pageParam }) => ask(api.GET("/api/batches/{id}/rows", { params: { path: { id }, query: { state: show === "all" ? undefined : show, after: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  });
  const shown = rows.data?.pages.flatMap((page) => page.items) ?? [];
  const choose = (value: string) => void navigate({ to: "/batches/$id", params: { id }, search: { show: value === "all" ? undefined : value }, replace: true });
  return (
    <>
      <div className={classes.bar}>
        <SegmentedControl
          aria-label={t("shown")} value={show} onChange={choose}
          data={SHOWS.filter((one) => one === "all" || one === show || amount[one] > 0).map((value) => ({ value, label: t("showsCount", { name: t(`shows.${value}`), count: amount[value] }) }))}
        />
      </div>
      {rows.isError && <ErrorPanel error={rows.error} retry={() => void rows.refetch()} />}
      {(rows.isPending || (rows.isPlaceholderData && shown.length === 0)) && <Loading lines={6} />}
      {rows.data !== undefined && !rows.isPlaceholderData && shown.length === 0 && <Empty>{t("noneFit")}</Empty>}
      {shown.length > 0 && (
        <div className={table.wrap}>
          <table className={table.table} data-lines="2" onKeyDown={walkRows}>
            <thead>
              <tr>
                <th scope="col">{t("row.number")}</th>
                <th scope="col">{t("row.title")}</th>
                <th scope="col">{t("row.state")}</th>
              </tr>
            </thead>
            <tbody>{shown.map((row) => <Row key={row.number} row={row} />)}</tbody>
          </table>
          {rows.hasNextPage && (
            <div className={table.more}>
              <Button variant="subtle" color="gray" loading={rows.isFetchingNextPage} onClick={() => void rows.fetchNextPage()}>{t("more")}</Button>
            </div>
          )}
        </div>
      )}
    </>
  );
}

function Row({ row }: { row: BatchRow }) {
  const { t } = useTranslation("batch");
  const title = row.title || t("untitled");
  return (
    <tr>
      <td className="num">{row.number}</td>
      <td>
        {row.run === null ? <span className={table.cut}>{title}</span> : <Link to="/runs/$id" params={{ id: row.run }} className={`${table.row} ${table.cut}`}>{title}</Link>}
      </td>
      <td>
        <span className={table.two}>
          {row.state === "ready" || row.state === "left_out" || row.state === "discarded"
            ? <State state={row.state === "ready" ? "ready" : "skipped"}>{t(`rowState.${row.state}`)}</State>
            : <State state={row.retry ? "retrying" : row.state}>{row.retry ? t("rowState.retry") : undefined}</State>}
          {row.error !== null && <span className={classes.small}><StepErrorWords error={row.error} /></span>}
          {row.problems.length > 0 && <ProblemWords problems={row.problems} />}
        </span>
      </td>
    </tr>
  );
}
