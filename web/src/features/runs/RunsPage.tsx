import { Button, SegmentedControl, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { RunItem } from "~/api/types";
import { useFormat } from "~/lib/format";
import { useKeys } from "~/lib/keyboard";
import { keys } from "~/lib/queries";
import { useNow } from "~/lib/now";
import { Empty, Loading, Page } from "~/ui/Page";
import { ErrorPanel } from "~/ui/Problem";
import { State } from "~/ui/State";
import table from "~/ui/Table.module.css";
import { walkRows } from "~/ui/walk-rows";
import { useShortLineText } from "./line/words";
import { LOST, useLostWords } from "./lost/words";
import classes from "./Runs.module.css";
import { RunTabs } from "./RunTabs";

const runStates = ["queued", "running", "waiting", "succeeded", "failed", "cancelled"] as const;
const states = ["running", "waiting", "succeeded", "failed"] as const;

export interface RunsSearch {
  state?: string;
  workflow?: string;
  q?: string;
}

export function RunsPage() {
  const { t } = useTranslation();
  const lostWords = useLostWords();
  const search: RunsSearch = useSearch({ strict: false });
  const navigate = useNavigate();
  const filter = useRef<HTMLInputElement>(null);
  const [q] = useDebouncedValue(search.q, 250);
  const set = (change: RunsSearch) => void navigate({ to: "/runs", search: { ...search, ...change }, replace: true });
  useKeys({ "/": () => filter.current?.focus() });
  const lost = search.state === LOST;
  const query = { state: runStates.find((state) => state === search.state), error: lost ? LOST : undefined, workflow: search.workflow, q };
  const runs = useInfiniteQuery({
    queryKey: [...keys.runs, "list", query],
    queryFn: ({ pageParam }) => ask(api.GET("/api/runs", { params: { query: { ...query, after: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  });
  const workflows = useQuery({ queryKey: keys.workflows, queryFn: () => ask(api.GET("/api/workflows")) });
  const shown = runs.data?.pages.flatMap((page) => page.items) ?? [];
  const filtered = search.state !== undefined || search.workflow !== undefined || (search.q ?? "") !== "";
  return (
    <Page title={t("nav.runs")} tabs={<RunTabs here="runs" />} help="runs">
      <div className={classes.bar}>
        <div className={classes.states}>
          <SegmentedControl
            aria-label={t("runs.state")}
            value={search.state ?? "all"}
            onChange={(value) => set({ state: value === "all" ? undefined : value })}
            data={[
              { value: "all", label: t("runs.all") },
              ...states.map((value) => ({ value, label: t(`runs.states.${value}`) })),
              { value: LOST, label: lostWords("filter") },
            ]}
          />
        </div>
        <Select
          className={classes.workflow}
          aria-label={t("runs.workflow")}
          placeholder={t("runs.all_workflows")}
          clearable
          value={search.workflow ?? null}
          data={(workflows.data?.items ?? []).map((item) => ({ value: item.id, label: item.name }))}
          onChange={(workflow) => set({ workflow: workflow ?? undefined })}
        />
        <span className={classes.space} />
        <TextInput
          ref={filter}
          className={classes.filter}
          leftSection={<Search size={15} strokeWidth={1.75} />}
          aria-label={t("runs.search")}
          placeholder={t("runs.search")}
          value={search.q ?? ""}
          onChange={(event) => set({ q: event.currentTarget.value || undefined })}
        />
      </div>
      {lost && shown.length > 0 && !runs.isPlaceholderData && <p className={classes.sentence}>{lostWords("what")}</p>}
      {runs.isError && <ErrorPanel error={runs.error} retry={() => void runs.refetch()} />}
      {runs.isPending || (runs.isPlaceholderData && shown.length === 0) ? (
        <Loading lines={8} />
      ) : shown.length === 0 ? (
        !runs.isError && (
          <Empty
            action={
              filtered ? (
                <Button variant="default" onClick={() => set({ state: undefined, workflow: undefined, q: undefined })}>
                  {t("runs.show_all")}
                </Button>
              ) : (
                <Button component={Link} to="/workflows">
                  {t("runs.to_workflows")}
                </Button>
              )
            }
          >
            {lost && search.workflow === undefined && (search.q ?? "") === "" ? lostWords("none") : filtered ? t("runs.none_fit") : t("runs.none")}
          </Empty>
        )
      ) : (
        <div className={table.wrap}>
          <table className={table.table} data-lines="2" onKeyDown={walkRows}>
            <thead>
              <tr>
                <th scope="col">{t("runs.column.title")}</th>
                <th scope="col" className={table.wide}>{t("runs.column.workflow")}</th>
                <th scope="col">{t("runs.column.state")}</th>
                <th scope="col">{t("runs.column.started")}</th>
                <th scope="col" className={table.wide}>{t("runs.column.took")}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((run) => (
                <Row key={run.id} run={run} />
              ))}
            </tbody>
          </table>
          {runs.hasNextPage && (
            <div className={table.more}>
              <Button variant="subtle" color="gray" loading={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>
                {t("common.load_more")}
              </Button>
            </div>
          )}
        </div>
      )}
    </Page>
  );
}

function Row({ run }: { run: RunItem }) {
  const { t } = useTranslation();
  const format = useFormat();
  const lineText = useShortLineText();
  const open = run.finished_at === null;
  const now = useNow(open ? 1000 : null);
  const started = run.started_at ?? run.created_at;
  const took = (run.finished_at === null ? now : Date.parse(run.finished_at)) - Date.parse(started);
  return (
    <tr>
      <td>
        <span className={table.two}>
          <Link to="/runs/$id" params={{ id: run.id }} className={`${table.row} ${table.cut}`}>
            {run.title || t("runs.untitled")}
          </Link>
          <span>
            {t(`runs.source.${run.source}`, { defaultValue: run.source })}
            {run.trial && <> · {t("runs.trial")}</>}
          </span>
        </span>
      </td>
      <td className={table.wide}>
        <span className={table.two}>
          <span className={table.cut}>{run.workflow.name}</span>
          <span>{run.workflow.version === null ? t("runs.draft") : t("workflows.version", { number: run.workflow.version })}</span>
        </span>
      </td>
      <td>
        <State state={run.state}>{run.paused ? t("workflows.state.paused") : run.line !== null ? lineText(run.line) : undefined}</State>
      </td>
      <td className={table.quiet} title={format.exact(run.created_at)}>
        {format.ago(run.created_at, now)}
      </td>
      <td className={`${table.wide} ${table.quiet} num`}>{format.duration(took)}</td>
    </tr>
  );
}
