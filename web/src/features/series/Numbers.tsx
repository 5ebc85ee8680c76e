// The numbers of one series, newest first, and what became of each.

import { Button, Modal, Radio, SegmentedControl, Textarea } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, ask } from "~/api/client";
import type { Series, SeriesNumber } from "~/api/types";
import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { useFocusBack } from "~/ui/focus";
import { Card, Loading } from "~/ui/Page";
import { ErrorPanel, InlineError, useFieldErrors } from "~/ui/Problem";
import table from "~/ui/Table.module.css";
import classes from "../settings/Settings.module.css";

const SHOWS = ["all", "open", "used", "void"] as const;
type Show = (typeof SHOWS)[number];

export function Numbers({ series }: { series: Series }) {
  const { t } = useTranslation("series");
  const [show, setShow] = useState<Show>(series.open > 0 ? "open" : "all");
  const [settling, setSettling] = useState<SeriesNumber | null>(null);
  const numbers = useInfiniteQuery({
    queryKey: [...keys.series, series.id, show],
    queryFn: ({ pageParam }) =>
      ask(api.GET("/api/series/{id}/numbers", { params: { path: { id: series.id }, query: { state: show === "all" ? undefined : show, after: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  });
  const rows = numbers.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Card title={t("numbersOf", { name: series.name })}>
      <div className={classes.form}>
        <SegmentedControl
          aria-label={t("shown")} value={show} onChange={(value) => setShow(SHOWS.find((one) => one === value) ?? "all")}
          data={SHOWS.map((value) => ({ value, label: t(`shows.${value}`) }))}
        />
        {numbers.isError && <ErrorPanel error={numbers.error} retry={() => void numbers.refetch()} />}
        {(numbers.isPending || (numbers.isPlaceholderData && rows.length === 0)) && <Loading lines={4} height={40} />}
        {numbers.data !== undefined && !numbers.isPlaceholderData && rows.length === 0 && <p className={classes.small}>{show === "all" ? t("noNumbers") : t("noneFit")}</p>}
        {rows.length > 0 && (
          <div className={table.wrap}>
            <table className={table.table}>
              <thead>
                <tr>
                  <th scope="col">{t("column.number")}</th>
                  <th scope="col">{t("column.state")}</th>
                  <th scope="col" className={table.wide}>{t("column.run")}</th>
                  <th scope="col" className={table.wide}>{t("column.drawn")}</th>
                  <th scope="col"><span className="visually-hidden">{t("column.act")}</span></th>
                </tr>
              </thead>
              <tbody>{rows.map((row) => <Row key={row.id} number={row} settle={() => setSettling(row)} />)}</tbody>
            </table>
          </div>
        )}
        {numbers.hasNextPage && (
          <div>
            <Button variant="subtle" color="gray" loading={numbers.isFetchingNextPage} onClick={() => void numbers.fetchNextPage()}>{t("more")}</Button>
          </div>
        )}
      </div>
      {settling !== null && <Settle number={settling} close={() => setSettling(null)} />}
    </Card>
  );
}

/** Nothing more is to be said of the number while its run may still succeed. */
const isUnderWay = (number: SeriesNumber) => ["queued", "running", "waiting"].includes(number.run_state ?? "");

function Row({ number, settle }: { number: SeriesNumber; settle: () => void }) {
  const { t } = useTranslation("series");
  const format = useFormat();
  const ruled = number.state === "void" && number.settled_by == null;
  const why = number.reason == null ? null : ruled ? t("byRule", { reason: number.reason }) : number.settled_by == null ? number.reason : t("by", { reason: number.reason, name: number.settled_by });
  return (
    <tr>
      <td className="num" style={{ whiteSpace: "nowrap" }}>{number.number}</td>
      <td>
        <span className={table.two}>
          <span>{t(`state.${number.state}`)}</span>
          {why !== null && <span className={table.quiet}>{why}</span>}
          {number.state === "open" && isUnderWay(number) && <span className={table.quiet}>{t("underWay")}</span>}
        </span>
      </td>
      <td className={table.wide}>
        {number.run_state == null ? <span className={table.quiet}>{t("runGone")}</span> : <Link to="/runs/$id" params={{ id: number.run_id }} className="link">{number.run_title || t("untitled")}</Link>}
      </td>
      <td className={`${table.wide} ${table.quiet} num`} title={format.exact(number.drawn_at)}>{format.short(number.drawn_at)}</td>
      <td>{number.state === "open" && !isUnderWay(number) && <Button size="xs" variant="default" aria-label={`${t("settle")}: ${number.number}`} onClick={settle}>{t("settle")}</Button>}</td>
    </tr>
  );
}

function Settle({ number, close }: { number: SeriesNumber; close: () => void }) {
  const { t } = useTranslation("series");
  const client = useQueryClient();
  useFocusBack();
  const [state, setState] = useState<"void" | "used">("void");
  const [reason, setReason] = useState("");
  const settle = useMutation({
    mutationFn: () => ask(api.POST("/api/numbers/{id}/settle", { params: { path: { id: number.id } }, body: { state, reason } })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.series });
      close();
    },
  });
  const errors = useFieldErrors(settle.error);
  return (
    <Modal opened onClose={close} title={t("settleTitle", { number: number.number })} withCloseButton={false}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          settle.mutate();
        }}
      >
        <p className={classes.small}>{t("settleText")}</p>
        <Radio.Group aria-label={t("settle")} value={state} onChange={(value) => setState(value === "used" ? "used" : "void")}>
          <div className={classes.form}>
            <Radio value="void" label={t("becameVoid")} />
            <Radio value="used" label={t("becameUsed")} />
          </div>
        </Radio.Group>
        <Textarea label={t("reason")} description={t("reasonHint")} required withAsterisk={false} maxLength={500} autosize minRows={2} value={reason} error={errors.reason} onChange={(event) => setReason(event.currentTarget.value)} />
        {settle.isError && <InlineError error={settle.error} />}
        <div className={classes.buttons}>
          <Button type="submit" loading={settle.isPending}>{t("save")}</Button>
          <Button variant="default" onClick={close}>{t("cancel")}</Button>
        </div>
      </form>
    </Modal>
  );
}
