// Waiting for you: what runs ask people to decide. The decision itself is made on a page of its own, which links in mails lead to as well.

import { Button, SegmentedControl } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, ask } from "~/api/client";
import type { Approval } from "~/api/types";
import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { Empty, Loading, Page } from "~/ui/Page";
import { ErrorPanel } from "~/ui/Problem";
import table from "~/ui/Table.module.css";
import { walkRows } from "~/ui/walk-rows";
import { approvalWords } from "./approvals";
import { RunTabs } from "./RunTabs";

await approvalWords;

const SHOWS = ["mine", "open", "all"] as const;
type Show = (typeof SHOWS)[number];

export function WaitingPage() {
  const { t } = useTranslation("approvals");
  const { t: app } = useTranslation();
  const [show, setShow] = useState<Show>("mine");
  const approvals = useInfiniteQuery({
    queryKey: [...keys.approvals, "list", show],
    queryFn: ({ pageParam }) => ask(api.GET("/api/approvals", { params: { query: { open: show === "all" ? undefined : true, mine: show === "mine" ? true : undefined, after: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  });
  const rows = approvals.data?.pages.flatMap((page) => page.items) ?? [];
  const nothing = { mine: app("runs.nothing_waits"), open: t("nothingOpen"), all: t("none") }[show];
  return (
    <Page title={app("nav.runs")} tabs={<RunTabs here="waiting" />} help="approvals">
      <div>
        <SegmentedControl
          aria-label={t("shown")} value={show} onChange={(value) => setShow(SHOWS.find((one) => one === value) ?? "mine")}
          data={SHOWS.map((value) => ({ value, label: t(`shows.${value}`) }))}
        />
      </div>
      {approvals.isError && <ErrorPanel error={approvals.error} retry={() => void approvals.refetch()} />}
      {(approvals.isPending || (approvals.isPlaceholderData && rows.length === 0)) && <Loading lines={4} />}
      {approvals.data !== undefined && !approvals.isPlaceholderData && rows.length === 0 && (
        <Empty action={<Button component={Link} to="/runs" variant="default">{app("runs.to_runs")}</Button>}>{nothing}</Empty>
      )}
      {rows.length > 0 && (
        <div className={table.wrap}>
          <table className={table.table} data-lines="2" onKeyDown={walkRows}>
            <thead>
              <tr>
                <th scope="col">{t("column.what")}</th>
                <th scope="col" className={table.wide}>{t("column.who")}</th>
                <th scope="col" className={table.wide}>{t("column.until")}</th>
                <th scope="col">{t("column.state")}</th>
                <th scope="col"><span className="visually-hidden">{t("column.act")}</span></th>
              </tr>
            </thead>
            <tbody>{rows.map((row) => <Row key={row.id} approval={row} />)}</tbody>
          </table>
          {approvals.hasNextPage && (
            <div className={table.more}>
              <Button variant="subtle" color="gray" loading={approvals.isFetchingNextPage} onClick={() => void approvals.fetchNextPage()}>{t("more")}</Button>
            </div>
          )}
        </div>
      )}
    </Page>
  );
}

function Row({ approval }: { approval: Approval }) {
  const { t } = useTranslation("approvals");
  const format = useFormat();
  const { verdict, url } = approval;
  const about = [approval.workflow_name, approval.run_title].filter((part) => part !== "").join(" · ");
  return (
    <tr>
      <td>
        <span className={table.two}>
          <Link to="/runs/$id" params={{ id: approval.run_id }} search={{ step: approval.node }} className={`${table.row} ${table.cut}`}>{approval.title}</Link>
          <span className={table.cut}>{about}</span>
        </span>
      </td>
      <td className={`${table.wide} ${table.quiet}`}>{approval.everybody ? t("everybody") : approval.asked.join(", ")}</td>
      <td className={`${table.wide} ${table.quiet} num`} title={format.exact(approval.expires_at)}>{format.short(approval.expires_at)}</td>
      <td>
        <span className={table.two}>
          <span>{t(`state.${approval.state}`)}</span>
          {verdict !== null && <span className={table.quiet}>{t("approvedBy", { name: verdict.by, time: format.short(verdict.at) })}</span>}
        </span>
      </td>
      <td>
        {url !== null && <Button component="a" href={url} size="xs" className={table.above} aria-label={t("decideNamed", { title: approval.title })}>{t("decide")}</Button>}
      </td>
    </tr>
  );
}
