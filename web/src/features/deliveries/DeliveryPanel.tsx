import { ActionIcon, Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck, CircleX, Clock, Download, FileText, Send, ShieldCheck, X } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { DeliveryAttempt, DeliveryDetail } from "~/api/types";
import { useCommands } from "~/lib/commands";
import { useFormat } from "~/lib/format";
import { useNow } from "~/lib/now";
import { keys } from "~/lib/queries";
import { Loading } from "~/ui/Page";
import { ErrorPanel, InlineError } from "~/ui/Problem";
import { StateTag } from "~/ui/State";
import { stepErrorText, useServerWords } from "~/ui/server-words/words";
import classes from "./DeliveryPanel.module.css";
import { receiverOf, useDeliveryText, useDeliveryTitle } from "./DeliveriesPage";

export function DeliveryPanel({ id, close }: { id: string; close: () => void }) {
  const { t } = useTranslation("deliveries");
  const format = useFormat();
  const title = useDeliveryTitle();
  const client = useQueryClient();
  const path = { path: { id } };
  const delivery = useQuery({
    queryKey: keys.delivery(id),
    queryFn: () => ask(api.GET("/api/deliveries/{id}", { params: path })),
  });
  const fresh = async () => {
    await client.invalidateQueries({ queryKey: keys.delivery(id) });
    await client.invalidateQueries({ queryKey: keys.deliveries });
  };
  const again = useMutation({ mutationFn: () => ask(api.POST("/api/deliveries/{id}/send-again", { params: path })), onSuccess: fresh });
  const stop = useMutation({ mutationFn: () => ask(api.POST("/api/deliveries/{id}/stop", { params: path })), onSuccess: fresh });
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key === "Escape" && document.querySelector('[role="dialog"],[role="menu"]') === null) close();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [close]);
  const data = delivery.data;
  const trying = data !== undefined && ["due", "retrying", "sending", "held"].includes(data.state);
  useCommands([
    ...(data === undefined ? [] : [{ id: "delivery-again", label: t("send_again"), run: () => again.mutate() }]),
    ...(trying ? [{ id: "delivery-stop", label: t("stop_trying"), run: () => stop.mutate() }] : []),
  ]);
  return (
    <aside className={classes.panel} aria-label={t("panel")}>
      {delivery.isPending && <Loading lines={4} />}
      {delivery.isError && <ErrorPanel error={delivery.error} retry={() => void delivery.refetch()} />}
      {data !== undefined && (
        <>
          <header className={classes.head}>
            <div className={classes.top}>
              <StateOf delivery={data} />
              <ActionIcon aria-label={t("app:common.close")} onClick={close}>
                <X size={16} />
              </ActionIcon>
            </div>
            <h2>
              {t("title", { title: title(data), endpoint: receiverOf(data, format.list) })}
            </h2>
            <p className={classes.meta}>
              {data.endpoint === null
                ? t("by_mail")
                : [data.endpoint.url === null ? null : hostOf(data.endpoint.url), t("signed")].filter((part) => part !== null).join(" · ")}
            </p>
            <div className={classes.actions}>
              <Button leftSection={<Send size={15} strokeWidth={1.75} />} loading={again.isPending} onClick={() => again.mutate()}>
                {t("send_again")}
              </Button>
              {trying && (
                <Button variant="default" loading={stop.isPending} onClick={() => stop.mutate()}>
                  {t("stop_trying")}
                </Button>
              )}
              {data.run !== null && (
                <Button variant="subtle" color="gray" component={Link} to={`/runs/${data.run.id}`}>
                  {t("open_run")}
                </Button>
              )}
            </div>
            {again.isError && <InlineError error={again.error} />}
            {stop.isError && <InlineError error={stop.error} />}
          </header>
          <div className={classes.body}>
            <h3>{t("attempts")}</h3>
            <Attempts delivery={data} />
            <h3>{t("what")}</h3>
            <WhatIsSent delivery={data} />
            <p className={classes.note}>
              <ShieldCheck size={16} strokeWidth={1.75} aria-hidden />
              <span>
                {data.endpoint === null ? (
                  t("same_id")
                ) : (
                  <>
                    {t("same_number")}{" "}
                    <Link to="/help/$page" params={{ page: "deliveries" }} hash={t("check_signature_anchor")} className="link">
                      {t("check_signature")}
                    </Link>
                  </>
                )}
              </span>
            </p>
          </div>
        </>
      )}
    </aside>
  );
}

function StateOf({ delivery }: { delivery: DeliveryDetail }) {
  const now = useNow(delivery.state === "retrying" ? 1000 : null);
  const text = useDeliveryText();
  const last = delivery.attempts.toSorted((a, b) => b.attempt - a.attempt)[0]?.status ?? null;
  return (
    <StateTag state={delivery.state}>
      {text({ ...delivery, attempts: delivery.attempts.length, last_status: last }, now)}
    </StateTag>
  );
}

function hostOf(url: string): string {
  try {
    const parsed = new URL(url);
    return parsed.host + (parsed.pathname === "/" ? "" : parsed.pathname);
  } catch {
    return url;
  }
}

function Attempts({ delivery }: { delivery: DeliveryDetail }) {
  const { t } = useTranslation("deliveries");
  const format = useFormat();
  const now = useNow(delivery.state === "retrying" ? 1000 : null);
  const newest = delivery.attempts.toSorted((a, b) => b.attempt - a.attempt);
  const next = delivery.state === "retrying" || delivery.state === "due" ? delivery.due_at : null;
  if (newest.length === 0 && next === null) {
    return <p className={classes.meta}>{delivery.state === "held" ? t("held") : t("not_tried")}</p>;
  }
  return (
    <ol className={classes.story}>
      {next !== null && (
        <li>
          <Clock size={18} strokeWidth={1.75} className={classes.wait} aria-hidden />
          <div>
            <strong>
              {t("attempt", { number: newest.length + 1 })}
            </strong>
            <span>{t("in", { time: format.duration(Math.max(0, Date.parse(next) - now)) })}</span>
          </div>
          <time className="num" dateTime={next} title={format.exact(next)}>
            {format.short(next)}
          </time>
        </li>
      )}
      {newest.map((attempt) => (
        <AttemptRow key={attempt.attempt} attempt={attempt} />
      ))}
    </ol>
  );
}

function AttemptRow({ attempt }: { attempt: DeliveryAttempt }) {
  const { t } = useTranslation("deliveries");
  const format = useFormat();
  const fine = attempt.status !== null && attempt.status >= 200 && attempt.status < 300;
  const here = useServerWords(attempt.error !== null);
  const failed = attempt.error === null ? t("app:common.no_answer") : here ? stepErrorText(attempt.error) : "";
  const outcome = attempt.status === null ? failed : fine ? t("state.received_code", { code: attempt.status }) : t("answered", { code: attempt.status });
  const facts = [
    attempt.answer_head === null || attempt.answer_head === "" ? null : t("quoted", { text: attempt.answer_head }),
    attempt.took_ms === null ? null : format.duration(attempt.took_ms),
  ].filter((fact) => fact !== null);
  return (
    <li>
      {fine ? (
        <CircleCheck size={18} strokeWidth={1.75} className={classes.fine} aria-hidden />
      ) : (
        <CircleX size={18} strokeWidth={1.75} className={classes.failed} aria-hidden />
      )}
      <div>
        <strong>{t("attempt_outcome", { number: attempt.attempt, outcome })}</strong>
        <span>{facts.join(" · ")}</span>
      </div>
      <time className="num" dateTime={attempt.started_at} title={format.exact(attempt.started_at)}>
        {format.short(attempt.started_at)}
      </time>
    </li>
  );
}

/** The members of a message in the order in which they are sent; the database keeps none. */
function inOrder(message: object): object {
  const known: Record<string, unknown> = { type: undefined, timestamp: undefined, ...message };
  const data = known.data;
  if (typeof data === "object" && data !== null) known.data = { run_id: undefined, workflow: undefined, values: undefined, ...data };
  return known;
}

interface Letter {
  subject: string;
  text: string;
}

/** What a workflow's mail says; the program's own mails have no words before they are sent. */
function letterOf(message: object): Letter | null {
  const { data } = message as { data?: { values?: Partial<Letter> } };
  const values = data?.values;
  return typeof values?.subject === "string" && typeof values.text === "string" ? { subject: values.subject, text: values.text } : null;
}

function WhatItSays({ delivery }: { delivery: DeliveryDetail }) {
  const { t } = useTranslation("deliveries");
  const letter = delivery.channel === "mail" ? letterOf(delivery.message) : null;
  if (delivery.channel === "mail" && letter === null) return <p className={classes.meta}>{t("own_words")}</p>;
  return (
    <pre tabIndex={0} aria-label={t("what")}>
      {letter === null ? JSON.stringify(inOrder(delivery.message), null, 2) : `${letter.subject}\n\n${letter.text}`}
    </pre>
  );
}

function WhatIsSent({ delivery }: { delivery: DeliveryDetail }) {
  const { t } = useTranslation("deliveries");
  const format = useFormat();
  return (
    <div className={classes.sent}>
      {delivery.files.map((file) => (
        <a key={file.id} className={classes.file} href={`/api/artifacts/${file.id}?download=1`}>
          <FileText size={20} strokeWidth={1.5} aria-hidden />
          <span>
            <strong>{file.name}</strong>
            <span>{t("file", { size: format.bytes(file.size_bytes) })}</span>
          </span>
          <Download size={16} strokeWidth={1.75} aria-label={t("app:common.download")} />
        </a>
      ))}
      <WhatItSays delivery={delivery} />
    </div>
  );
}
