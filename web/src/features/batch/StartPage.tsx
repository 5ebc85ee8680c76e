// Starting a batch: choose a file, say what its columns fill, see what is wrong with its rows. Nothing begins before the person says so.

import { Button, Checkbox, Select } from "@mantine/core";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { FileChoice } from "~/ui/FileChoice";
import { api, ask, sendBytes } from "~/api/client";
import type { BatchFile, BatchPreview, WorkflowDetail } from "~/api/types";
import { fileLocales } from "~/lib/file-locales";
import { keys } from "~/lib/queries";
import { Card, Loading, Page } from "~/ui/Page";
import { ErrorPanel, InlineError } from "~/ui/Problem";
import { say } from "~/ui/Toasts";
import classes from "./batch.module.css";
import { Matching } from "./Matching";
import { ColumnProblems, RowProblems } from "./Problems";

const ACCEPT = ".csv,.tsv,.txt,.xlsx,text/csv,text/tab-separated-values,application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

export function StartPage({ workflow }: { workflow: WorkflowDetail }) {
  const { t } = useTranslation("batch");
  const { id } = workflow;
  const upload = useMutation({
    mutationFn: (file: File) => sendBytes<BatchFile>("POST", `/api/workflows/${id}/batch-files?name=${encodeURIComponent(file.name)}`, new Blob([file], { type: "application/octet-stream" })),
  });
  const choose = (variant: "filled" | "default") => (
    <FileChoice accept={ACCEPT} onChoose={(file) => upload.mutate(file)}>
      {(props) => <Button {...props} variant={variant} loading={upload.isPending}>{upload.data === undefined ? t("choose") : t("chooseOther")}</Button>}
    </FileChoice>
  );
  return (
    <Page
      title={t("newTitle", { name: workflow.name })}
      sub={<Link to="/workflows/$id/batches" params={{ id }} className="link">{t("toBatches")}</Link>}
      help="batches"
    >
      <Card title={upload.data?.name ?? t("file")}>
        <div className={classes.form}>
          <p className={classes.small}>{t("fileText")}</p>
          <div>{choose(upload.data === undefined ? "filled" : "default")}</div>
          {upload.isError && <InlineError error={upload.error} />}
        </div>
      </Card>
      {upload.data !== undefined && <Rows key={upload.data.file} workflow={workflow} file={upload.data} />}
    </Page>
  );
}

/** The file with its columns, its problems, and the button that starts it. */
function Rows({ workflow, file }: { workflow: WorkflowDetail; file: BatchFile }) {
  const { t, i18n } = useTranslation("batch");
  const { id } = workflow;
  const usual = workflow.draft.document.locale;
  const [locale, setLocale] = useState(usual);
  const [trigger, setTrigger] = useState<string | undefined>();
  const [sheet, setSheet] = useState<string | undefined>();
  const [columns, setColumns] = useState<(string | null)[] | undefined>();
  const body = { file: file.file, locale, trigger, sheet, columns };
  const preview = useQuery({
    queryKey: ["batch-preview", id, body],
    queryFn: () => ask(api.POST("/api/workflows/{id}/batches/preview", { params: { path: { id } }, body })),
    gcTime: 0,
    retry: false,
    refetchOnWindowFocus: false,
    placeholderData: keepPreviousData,
  });
  const languages = new Intl.DisplayNames([i18n.language], { type: "language" });
  const seen = preview.data;
  // What was chosen counts at once: who chooses quickly changes what is still being looked at.
  const chosen = columns ?? seen?.headings.map((heading) => heading.field) ?? [];
  return (
    <Card title={t("columns")}>
      <div className={classes.form}>
        <div className={classes.pair}>
          <Select
            label={t("locale")} description={t("localeHint")} value={locale} allowDeselect={false} onChange={(next) => next !== null && setLocale(next)}
            data={fileLocales(usual).map((value) => ({ value, label: languages.of(value) ?? value }))}
          />
          {seen !== undefined && seen.sheets.length > 1 && (
            <Select
              label={t("sheet")} value={seen.sheet} allowDeselect={false} searchable={seen.sheets.length > 8} data={seen.sheets}
              onChange={(next) => {
                setSheet(next ?? undefined);
                setColumns(undefined);
              }}
            />
          )}
          {seen !== undefined && seen.triggers.length > 1 && (
            <Select
              label={t("trigger")} value={seen.trigger} allowDeselect={false}
              onChange={(next) => {
                setTrigger(next ?? undefined);
                setColumns(undefined);
              }}
              data={seen.triggers.map((one) => ({ value: one.id, label: one.name || one.id }))}
            />
          )}
        </div>
        {preview.isPending && <Loading lines={4} />}
        {preview.isError && <ErrorPanel error={preview.error} retry={() => void preview.refetch()} />}
        {seen !== undefined && !preview.isError && (
          <>
            <p role="status">
              {t("read", { rows: seen.row_count })}
              {seen.blank_rows > 0 && ` ${t("blank", { count: seen.blank_rows })}`}
            </p>
            {seen.headings.length > 0 && <Matching seen={seen} columns={chosen} isOld={columns === undefined && preview.isPlaceholderData} change={setColumns} />}
            <ColumnProblems problems={seen.column_problems} />
            <RowProblems problems={seen.problems} count={seen.problem_count} rows={seen.bad_rows.length} />
            <Start workflow={workflow} file={file} locale={locale} seen={seen} busy={preview.isFetching} lookAgain={() => void preview.refetch()} />
          </>
        )}
      </div>
    </Card>
  );
}

interface StartProps {
  workflow: WorkflowDetail;
  file: BatchFile;
  locale: string;
  seen: BatchPreview;
  /** What is seen may be old. */
  busy: boolean;
  lookAgain: () => void;
}

function Start({ workflow, file, locale, seen, busy, lookAgain }: StartProps) {
  const { t } = useTranslation("batch");
  const client = useQueryClient();
  const navigate = useNavigate();
  const bad = seen.bad_rows.join();
  // It is said of these rows; others ask again.
  const [leftOut, setLeftOut] = useState<string | null>(null);
  const leaves = bad !== "" && leftOut === bad;
  const begin = seen.column_problems.length > 0 ? 0 : seen.row_count - seen.bad_rows.length;
  const start = useMutation({
    mutationFn: () =>
      ask(
        api.POST("/api/workflows/{id}/batches", {
          params: { path: { id: workflow.id } },
          body: { file: file.file, locale, trigger: seen.trigger, sheet: seen.sheet, version: seen.version, columns: seen.headings.map((heading) => heading.field), leave_out: leaves ? seen.bad_rows : [] },
        }),
      ),
    onSuccess: async (batch) => {
      say(t("started", { count: begin }));
      await client.invalidateQueries({ queryKey: keys.batches });
      await navigate({ to: "/batches/$id", params: { id: batch.id } });
    },
    onError: lookAgain,
  });
  const ready = begin > 0 && (bad === "" || leaves);
  return (
    <>
      {bad !== "" && begin > 0 && (
        <Checkbox label={t("leaveOut", { count: seen.bad_rows.length })} description={t("leaveOutHint", { count: seen.bad_rows.length })} checked={leaves} onChange={(event) => setLeftOut(event.currentTarget.checked ? bad : null)} />
      )}
      {start.isError && <InlineError error={start.error} />}
      <div className={classes.buttons}>
        <Button disabled={!ready || busy} loading={start.isPending} onClick={() => start.mutate()}>{begin > 0 ? t("start", { count: begin }) : t("startNone")}</Button>
        <Button variant="default" renderRoot={(props) => <Link {...props} to="/workflows/$id/batches" params={{ id: workflow.id }} />}>{t("cancel")}</Button>
        <span className={classes.small}>{t("nothingYet")}</span>
      </div>
    </>
  );
}
