import { Button, SegmentedControl } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { DeliveryItem } from "~/api/types";
import { addMessages } from "~/i18n/i18n";
import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { useNow } from "~/lib/now";
import { Empty, Loading, Page } from "~/ui/Page";
import { ErrorPanel } from "~/ui/Problem";
import { SignIcon, signOf, State } from "~/ui/State";
import table from "~/ui/Table.module.css";
import { walkRows } from "~/ui/walk-rows";
import { DeliveryPanel } from "./DeliveryPanel";
import classes from "../runs/Runs.module.css";
import { RunTabs } from "../runs/RunTabs";

await addMessages("deliveries", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

type Show = "all" | "look" | "received";

export interface DeliveriesSearch {
  show?: Show;
  endpoint?: string;
}

const needsALook = (item: DeliveryItem) => item.state === "retrying" || item.state === "given_up";

export function DeliveriesPage() {
  const { t } = useTranslation("deliveries");
  const { id } = useParams({ strict: false });
  const search: DeliveriesSearch = useSearch({ strict: false });
  const navigate = useNavigate();
  const show = search.show ?? "all";
  const deliveries = useInfiniteQuery({
    queryKey: [...keys.deliveries, "list", search.endpoint],
    queryFn: ({ pageParam }) =>
      ask(api.GET("/api/deliveries", { params: { query: { endpoint: search.endpoint, after: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  });
  const all = deliveries.data?.pages.flatMap((page) => page.items) ?? [];
  const look = all.filter(needsALook).length;
  const shown = all.filter((item) => show === "all" || (show === "look" ? needsALook(item) : item.state === "delivered"));
  const trouble = troubled(all);
  return (
    <Page
      title={t("app:nav.runs")}
      tabs={<RunTabs here="deliveries" />}
      help="deliveries"
      aside={id === undefined ? undefined : <DeliveryPanel key={id} id={id} close={() => void navigate({ to: "/deliveries", search })} />}
    >
      <div className={classes.bar}>
        <SegmentedControl
          aria-label={t("show")}
          value={show}
          onChange={(value) => void navigate({ to: id === undefined ? "/deliveries" : "/deliveries/$id", params: { id: id ?? "" }, search: { ...search, show: value === "all" ? undefined : (value as Show) }, replace: true })}
          data={[
            { value: "all", label: t("shows.all") },
            { value: "look", label: t("shows.look", { count: look }) },
            { value: "received", label: t("shows.received") },
          ]}
        />
        <span className={classes.space} />
        {trouble !== null && <span className={classes.sentence}>{t("trouble", { name: trouble })}</span>}
      </div>
      {deliveries.isError && <ErrorPanel error={deliveries.error} retry={() => void deliveries.refetch()} />}
      {deliveries.isPending ? (
        <Loading lines={8} height={46} />
      ) : shown.length === 0 ? (
        !deliveries.isError && <Empty>{all.length === 0 ? t("none") : t("none_fit")}</Empty>
      ) : (
        <div className={table.wrap}>
          <table className={table.table} onKeyDown={walkRows}>
            <thead>
              <tr>
                <th scope="col" style={{ width: 20 }}>
                  <span className="visually-hidden">{t("column.sign")}</span>
                </th>
                <th scope="col">{t("column.document")}</th>
                <th scope="col" className={table.wide}>{t("column.to")}</th>
                <th scope="col">{t("column.state")}</th>
                <th scope="col" className={table.wide}>{t("column.time")}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((item) => (
                <Row key={item.id} item={item} selected={item.id === id} search={search} />
              ))}
            </tbody>
          </table>
          {deliveries.hasNextPage && (
            <div className={table.more}>
              <Button variant="subtle" color="gray" loading={deliveries.isFetchingNextPage} onClick={() => void deliveries.fetchNextPage()}>
                {t("app:common.load_more")}
              </Button>
            </div>
          )}
        </div>
      )}
    </Page>
  );
}

/** The one endpoint whose newest three deliveries all fail, if there is one. */
function troubled(all: DeliveryItem[]): string | null {
  const byEndpoint = new Map<string, DeliveryItem[]>();
  for (const item of all) {
    // A mail that cannot be delivered says nothing of the mail server.
    if (item.endpoint === null) continue;
    const list = byEndpoint.get(item.endpoint.name) ?? [];
    list.push(item);
    byEndpoint.set(item.endpoint.name, list);
  }
  for (const [name, list] of byEndpoint) {
    const newest = list.slice(0, 3);
    if (newest.length === 3 && newest.every(needsALook)) return name;
  }
  return null;
}

/** Whom it goes to: the endpoint, or people. */
export const receiverOf = (item: Pick<DeliveryItem, "endpoint" | "recipients">, list: (items: string[]) => string): string =>
  item.endpoint === null ? list(item.recipients) : item.endpoint.name;

/** What it is about: the run, or what the program itself says. */
export function useDeliveryTitle(): (item: Pick<DeliveryItem, "run" | "message_type">) => string {
  const { t } = useTranslation("deliveries");
  return (item) => {
    if (item.run !== null) return item.run.title || t("app:runs.untitled");
    if (item.message_type === "mail.approval") return t("approval");
    if (item.message_type === "mail.password_reset") return t("password_reset");
    if (item.message_type === "mail.run_failed") return t("run_failed");
    return t("test");
  };
}

export function useDeliveryText(): (item: Pick<DeliveryItem, "state" | "due_at" | "last_status" | "attempts">, now: number) => string {
  const { t } = useTranslation("deliveries");
  const format = useFormat();
  return (item, now) => {
    if (item.state === "delivered") return item.last_status === null ? t("state.received") : t("state.received_code", { code: item.last_status });
    if (item.state === "retrying" && item.due_at !== null) {
      const wait = Date.parse(item.due_at) - now;
      return wait > 0 ? t("state.again_in", { time: format.duration(wait) }) : t("state.again_now");
    }
    if (item.state === "given_up") return t("state.given_up", { count: item.attempts });
    return t(`app:state.${item.state}`);
  };
}

function Row({ item, selected, search }: { item: DeliveryItem; selected: boolean; search: DeliveriesSearch }) {
  const format = useFormat();
  const now = useNow(item.state === "retrying" ? 1000 : null);
  const text = useDeliveryText();
  const title = useDeliveryTitle();
  return (
    <tr data-selected={selected || undefined}>
      <td>
        <SignIcon sign={signOf(item.state)} />
      </td>
      <td>
        <span className={table.two}>
          <Link to="/deliveries/$id" params={{ id: item.id }} search={search} className={`${table.row} ${table.cut}`} aria-current={selected || undefined}>
            {title(item)}
          </Link>
          <span className={table.narrow}>{receiverOf(item, format.list)}</span>
        </span>
      </td>
      <td className={`${table.wide} ${table.quiet}`}>{receiverOf(item, format.list)}</td>
      <td>
        <State state={item.state} bare>
          {text(item, now)}
        </State>
      </td>
      <td className={`${table.wide} ${table.quiet} num`} title={format.exact(item.created_at)}>
        {format.short(item.created_at)}
      </td>
    </tr>
  );
}
