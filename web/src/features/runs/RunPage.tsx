import { Button, Modal } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { CircleStop, FileText, Pencil, RotateCw, SquarePen } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { RunDetail } from "~/api/types";
import { useCommands } from "~/lib/commands";
import { useFormat } from "~/lib/format";
import { useKeys } from "~/lib/keyboard";
import { useLiveQueries } from "~/lib/live-queries";
import { useNow } from "~/lib/now";
import { keys } from "~/lib/queries";
import { useTitle } from "~/lib/title";
import { useFocusBack } from "~/ui/focus";
import { Loading } from "~/ui/Page";
import { ErrorPanel, InlineError, isGone } from "~/ui/Problem";
import { State, StateTag, Tag } from "~/ui/State";
import { ValueEditor } from "~/ui/ValueEditor";
import type { Shape } from "~/ui/ValueTree";
import { useWaitText } from "~/ui/waits";
import { useLineText } from "./line/words";
import classes from "./RunPage.module.css";
import { RunPaper } from "./RunPaper";
import { StepDetail } from "./StepDetail";
import { stepKey, Timeline } from "./Timeline";
import { useStream } from "./use-stream";

/** Few runs are for rows of a file. */
const BatchLink = lazy(() => import("./batch/BatchLink"));
/** Few runs made an invoice. */
const Invoices = lazy(() => import("./credit/Invoices"));

const NONE: readonly string[] = [];

/** While a run waits in line nothing is told of the others there. */
const LINE_POLL_MS = 5000;

export function RunPage() {
  const { t } = useTranslation();
  const { id = "" } = useParams({ strict: false });
  const run = useQuery({
    queryKey: keys.run(id),
    queryFn: () => ask(api.GET("/api/runs/{id}", { params: { path: { id } } })),
    refetchInterval: (query) => (query.state.data?.line ? LINE_POLL_MS : false),
  });
  useLiveQueries(run.data === undefined ? NONE : [`run:${id}`]);
  // What is known stays, and what is being written beside it, while it cannot be read anew.
  if (run.isError && (run.data === undefined || isGone(run.error))) {
    return (
      <div className={classes.alone}>
        <ErrorPanel error={run.error} retry={() => void run.refetch()} />
        <Link to="/runs">{t("run.all")}</Link>
      </div>
    );
  }
  if (run.data === undefined) {
    return (
      <div className={classes.alone}>
        <Loading lines={6} />
      </div>
    );
  }
  return <Loaded key={id} run={run.data} refetch={() => void run.refetch()} />;
}

function Loaded({ run, refetch }: { run: RunDetail; refetch: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const client = useQueryClient();
  const navigate = useNavigate();
  const search: { step?: string } = useSearch({ strict: false });
  const open = run.finished_at === null;
  // Pictures of pages are for eyes; the file is beside them.
  const files = run.artifacts.filter((artifact) => artifact.content_type !== "image/svg+xml");
  const now = useNow(open ? 250 : null);
  const streams = useStream(run, refetch);
  const [editing, setEditing] = useState(false);
  const path = { path: { id: run.id } };

  const interesting =
    run.steps.find((step) => step.state === "failed") ??
    run.steps.find((step) => step.state === "running" || step.state === "waiting" || step.state === "retryable") ??
    run.steps.find((step) => step.generations.length > 0);
  // "none" in the address means that a person closed what opened by itself.
  const openStep = search.step ?? (interesting === undefined ? undefined : stepKey(interesting));
  const select = (step: string | undefined) => void navigate({ to: "/runs/$id", params: { id: run.id }, search: { step: step ?? "none" }, replace: true });

  const stop = useMutation({
    mutationFn: () => ask(api.POST("/api/runs/{id}/stop", { params: path })),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.run(run.id) }),
  });
  const retry = useMutation({
    mutationFn: (body: { from_node?: string; input?: Record<string, never> }) => ask(api.POST("/api/runs/{id}/retry", { params: path, body })),
    onSuccess: (next) => navigate({ to: "/runs/$id", params: { id: next.id } }),
  });
  const failedStep = run.steps.find((step) => step.state === "failed");
  useKeys(open ? {} : { r: () => retry.mutate({ from_node: failedStep?.node }) });

  const waitText = useWaitText();
  const lineText = useLineText();
  const waiting = run.state === "waiting" && !run.steps.some((step) => step.generations.at(-1)?.state === "running") ? run.waits[0] : undefined;
  useTitle(run.title || t("runs.untitled"));
  useCommands(
    open
      ? [{ id: "run-stop", label: t("run.stop"), run: () => stop.mutate() }]
      : [
          { id: "run-retry", label: failedStep === undefined ? t("run.again") : t("run.retry_failed"), shortcut: "R", run: () => retry.mutate({ from_node: failedStep?.node }) },
          { id: "run-edit", label: t("run.edit_retry"), run: () => setEditing(true) },
        ],
  );

  const settled = run.steps.filter((step) => ["succeeded", "failed", "skipped", "cancelled"].includes(step.state)).length;
  const elapsed = (run.finished_at === null ? now : Date.parse(run.finished_at)) - Date.parse(run.started_at ?? run.created_at);
  return (
    <div className={classes.page}>
      <header className={classes.header}>
        <div className={classes.titles}>
          <nav className={classes.path} aria-label={t("run.path")}>
            <Link to="/runs">{t("nav.runs")}</Link>
            <span aria-hidden>/</span>
            <Link to="/workflows/$id" params={{ id: run.workflow.id }}>
              {run.workflow.name}
            </Link>
          </nav>
          <div className={classes.title}>
            <h1>{run.title || t("runs.untitled")}</h1>
            <StateTag state={run.state}>
              {t(`state.${run.state}`)}
              {open && <span className="num">{` · ${format.duration(Math.floor(elapsed / 1000) * 1000)}`}</span>}
            </StateTag>
            <span className="visually-hidden" role="status" aria-live="polite">
              {t(`state.${run.state}`)}
            </span>
            {run.trial && <Tag>{t("runs.trial")}</Tag>}
            {run.paused && <Tag>{t("workflows.state.paused")}</Tag>}
          </div>
          <p className={classes.meta}>
            <span>{t(`runs.source.${run.source}`, { defaultValue: run.source })}</span>
            <span title={format.exact(run.created_at)}>{format.when(run.created_at)}</span>
            {!open && <span className="num">{t("run.took", { time: format.duration(elapsed) })}</span>}
            {run.masked_at !== null && <span title={format.exact(run.masked_at)}>{t("run.masked")}</span>}
            {waiting !== undefined && <span>{waitText(waiting)}</span>}
            {run.line !== null && <span>{lineText(run.line)}</span>}
            {open && <span>{t("run.step_of", { step: Math.min(settled + 1, run.steps.length), count: run.steps.length })}</span>}
            {run.batch !== null && <Suspense fallback={null}><BatchLink batch={run.batch} /></Suspense>}
            {run.called_by !== null && (
              <Link to="/runs/$id" params={{ id: run.called_by.run }} className="link">
                {t("run.called_by", { name: run.called_by.workflow })}
              </Link>
            )}
            {run.retry_of !== null && (
              <Link to="/runs/$id" params={{ id: run.retry_of }} className="link">
                {t("run.retry_of")}
              </Link>
            )}
          </p>
        </div>
        <div className={classes.actions}>
          <Button variant="default" component={Link} to={`/workflows/${run.workflow.id}`} leftSection={<SquarePen size={15} strokeWidth={1.75} />}>
            {t("run.open_workflow")}
          </Button>
          {open ? (
            <Button
              variant="default"
              className="danger"
              leftSection={<CircleStop size={15} strokeWidth={1.75} />}
              loading={stop.isPending}
              onClick={() => stop.mutate()}
            >
              {t("run.stop")}
            </Button>
          ) : (
            <>
              <Button variant="default" leftSection={<Pencil size={15} strokeWidth={1.75} />} onClick={() => setEditing(true)}>
                {t("run.edit_retry")}
              </Button>
              <Button
                variant={run.state === "succeeded" ? "default" : "filled"}
                leftSection={<RotateCw size={15} strokeWidth={1.75} />}
                loading={retry.isPending}
                onClick={() => retry.mutate({ from_node: failedStep?.node })}
              >
                {failedStep === undefined ? t("run.again") : t("run.retry_failed")}
              </Button>
            </>
          )}
        </div>
      </header>
      <div className={classes.columns}>
        <div className={classes.left}>
          {stop.isError && <InlineError error={stop.error} />}
          {retry.isError && <InlineError error={retry.error} />}
          {run.invoices > 0 && <Suspense fallback={null}><Invoices run={run} /></Suspense>}
          <Timeline run={run} now={now} open={openStep} select={select}>
            {(step) => (
              <StepDetail run={run} step={step} streams={streams} retrying={retry.isPending} retry={() => retry.mutate({ from_node: step.node })} />
            )}
          </Timeline>
          <div className={classes.cards}>
            <section className={classes.card}>
              <h2>{t("run.deliveries")}</h2>
              {run.deliveries.length === 0 ? (
                <p>{run.trial ? t("run.held_back") : t("run.no_deliveries")}</p>
              ) : (
                <ul className={classes.list}>
                  {run.deliveries.map((delivery) => (
                    <li key={delivery.id}>
                      <Link to="/deliveries/$id" params={{ id: delivery.id }}>
                        <span>{delivery.endpoint === "" ? delivery.recipients.join(", ") : delivery.endpoint}</span>
                        <State state={delivery.state} />
                      </Link>
                    </li>
                  ))}
                </ul>
              )}
            </section>
            <section className={classes.card}>
              <h2>{open ? t("run.promise.title") : t("run.files")}</h2>
              {open ? (
                <p>{t("run.promise.text")}</p>
              ) : files.length === 0 ? (
                <p>{t("run.no_files")}</p>
              ) : (
                <ul className={classes.list}>
                  {files.map((artifact) => (
                    <li key={artifact.id}>
                      <a href={`/api/artifacts/${artifact.id}?download=1`}>
                        <span className={classes.file}>
                          <FileText size={15} strokeWidth={1.75} aria-hidden />
                          {artifact.name}
                        </span>
                        <span className="num">{format.bytes(artifact.size_bytes)}</span>
                      </a>
                    </li>
                  ))}
                </ul>
              )}
            </section>
          </div>
        </div>
        <RunPaper run={run} select={select} />
      </div>
      {editing && <EditRetry run={run} close={() => setEditing(false)} retry={(input) => retry.mutate({ input: input as Record<string, never> })} busy={retry.isPending} error={retry.error} />}
    </div>
  );
}

function EditRetry({ run, close, retry, busy, error }: { run: RunDetail; close: () => void; retry: (input: unknown) => void; busy: boolean; error: unknown }) {
  const { t } = useTranslation();
  const [value, setValue] = useState<unknown>(run.input);
  const asked = run.steps.find((step) => step.family === "asked" && step.output_kind !== null);
  useFocusBack();
  return (
    <Modal opened onClose={close} size="lg" title={t("run.edit_retry")} closeButtonProps={{ "aria-label": t("common.close") }}>
      <p className={classes.hint}>{t("run.edit_hint")}</p>
      <ValueEditor value={value} change={setValue} label={t("run.input")} shape={(asked?.output_kind ?? undefined) as Shape | undefined} />
      {error !== null && <InlineError error={error} />}
      <div className={classes.buttons}>
        <Button variant="default" onClick={close}>
          {t("common.cancel")}
        </Button>
        <Button loading={busy} onClick={() => retry(value)}>
          {t("run.retry_edited")}
        </Button>
      </div>
    </Modal>
  );
}
