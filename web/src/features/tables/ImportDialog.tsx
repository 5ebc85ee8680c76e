import { Button, Modal, SegmentedControl, Select } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { sendBytes } from "~/api/client";
import { fileLocales } from "~/lib/file-locales";
import { useFocusBack } from "~/ui/focus";
import { Loading } from "~/ui/Page";
import { InlineError } from "~/ui/Problem";
import { problemText, useServerWords } from "~/ui/server-words/words";
import { say } from "~/ui/Toasts";
import { cellText } from "./cells";
import classes from "./tables.module.css";
import { type ImportAnswer, type TableItem, titleOf } from "./types";

type Mode = "append" | "replace";

/** Problems shown at once; the others are counted. */
const MOST_SHOWN = 200;

/** What a file holds, and everything that is wrong with it, before anything is changed. */
export function ImportDialog({ table, file, locale: usual, close, done }: { table: TableItem; file: File; locale: string; close: () => void; done: () => void }) {
  const { t, i18n } = useTranslation("tables");
  const words = useServerWords();
  useFocusBack();
  const [mode, setMode] = useState<Mode>("append");
  const [locale, setLocale] = useState(usual);
  const send = (apply: boolean) => {
    const query = new URLSearchParams({ locale, mode, version: String(table.version), apply: String(apply) });
    return sendBytes<ImportAnswer>("POST", `/api/tables/${table.id}/import?${query.toString()}`, new Blob([file], { type: "text/csv" }));
  };
  const preview = useQuery({
    queryKey: ["import", table.id, table.revision, file.name, file.lastModified, file.size, mode, locale], queryFn: () => send(false), gcTime: 0, retry: false, refetchOnWindowFocus: false,
  });
  const apply = useMutation({
    mutationFn: () => send(true),
    onSuccess: (answer) => {
      if (!answer.applied) return void preview.refetch();
      say(t("file.done", { rows: answer.row_count }));
      done();
      close();
    },
  });
  const languages = new Intl.DisplayNames([i18n.language], { type: "language" });
  const found = preview.data;
  const ignored = found?.headings.filter((heading) => heading.column === null && heading.text.trim() !== "").map((heading) => heading.text) ?? [];
  const ready = found !== undefined && found.problem_count === 0 && (found.row_count > 0 || mode === "replace");
  return (
    <Modal opened onClose={close} size="xl" title={t("file.title", { file: file.name })} closeButtonProps={{ "aria-label": t("close") }}>
      <div className={classes.form}>
        <SegmentedControl aria-label={t("file.mode")} value={mode} onChange={(next) => setMode(next as Mode)} data={[{ value: "append", label: t("file.append") }, { value: "replace", label: t("file.replace") }]} />
        <Select label={t("file.locale")} value={locale} allowDeselect={false} onChange={(next) => next && setLocale(next)} data={fileLocales(usual).map((value) => ({ value, label: languages.of(value) ?? value }))} />
        {preview.isPending && <Loading lines={3} />}
        {preview.isError && <InlineError error={preview.error} />}
        {apply.isError && <InlineError error={apply.error} />}
        {found && words && (
          <>
            <div role="status">
              <p>{t("file.read", { rows: found.row_count })}{found.blank_rows > 0 && ` ${t("file.blank", { count: found.blank_rows })}`}</p>
              {ignored.length > 0 && <p>{t("file.ignored", { columns: ignored.join(", ") })}</p>}
              {found.problem_count > 0 && <p className={classes.bad}>{t("file.problems", { count: found.problem_count })}</p>}
            </div>
            {found.problems.length > 0 ? (
              <div className={classes.scroll} tabIndex={0} role="region" aria-label={t("file.problems", { count: found.problem_count })}>
                <table className={classes.list}>
                  <thead><tr><th scope="col">{t("file.line")}</th><th scope="col">{t("file.column")}</th><th scope="col">{t("file.content")}</th><th scope="col">{t("file.problem")}</th></tr></thead>
                  <tbody>
                    {found.problems.slice(0, MOST_SHOWN).map((problem, at) => {
                      const params = problem.params as { row?: number; column?: string; content?: string };
                      return <tr key={at}><td>{params.row}</td><td>{params.column}</td><td>{params.content}</td><td>{problemText(problem)}</td></tr>;
                    })}
                  </tbody>
                </table>
                {found.problem_count > MOST_SHOWN && <p className={classes.meta}>{t("file.more", { count: found.problem_count - MOST_SHOWN })}</p>}
              </div>
            ) : found.sample.length > 0 && (
              <div className={classes.scroll} tabIndex={0} role="region" aria-label={t("file.sample")}>
                <table className={classes.list}>
                  <thead><tr>{table.columns.map((column) => <th scope="col" key={column.name}>{titleOf(column)}</th>)}</tr></thead>
                  <tbody>
                    {found.sample.map((cells, at) => <tr key={at}>{table.columns.map((column) => <td key={column.name}>{cellText(column, cells[column.name], usual)}</td>)}</tr>)}
                  </tbody>
                </table>
              </div>
            )}
          </>
        )}
        <div className={classes.buttons}>
          <Button variant="default" onClick={close}>{t("cancel")}</Button>
          <Button disabled={!ready} variant={mode === "replace" ? "default" : "filled"} className={mode === "replace" ? classes.danger : undefined} loading={apply.isPending} onClick={() => apply.mutate()}>
            {mode === "replace" ? t("file.replaceApply", { rows: found?.row_count ?? 0 }) : t("file.apply", { rows: found?.row_count ?? 0 })}
          </Button>
        </div>
      </div>
    </Modal>
  );
}
