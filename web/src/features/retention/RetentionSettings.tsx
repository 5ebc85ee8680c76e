// How long runs and their files are kept, and what the last clean-up removed. An empty field sets no limit.

import { ActionIcon, Button, NumberInput, Select } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, X } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Retention } from "~/api/types";
import { addMessages } from "~/i18n/i18n";
import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { useSession } from "~/lib/session";
import { typedNumber } from "~/lib/typed-number";
import { Card, Loading } from "~/ui/Page";
import { ErrorPanel, InlineError, useFieldErrors } from "~/ui/Problem";
import classes from "../settings/Settings.module.css";

await addMessages("retention", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

const retention = ["retention"];
const GIGABYTE = 1e9;

export default function RetentionSettings() {
  const { member } = useSession();
  const kept = useQuery({ queryKey: retention, queryFn: () => ask(api.GET("/api/retention")), enabled: member.role === "owner" });
  if (kept.isError && kept.data === undefined) return <ErrorPanel error={kept.error} retry={() => void kept.refetch()} />;
  if (kept.data === undefined) return member.role === "owner" ? <Loading lines={4} /> : null;
  return (
    <>
      <Limits start={kept.data} />
      <LastCleanUp kept={kept.data} />
    </>
  );
}

interface Own {
  id: string | null;
  days: number;
}

function Limits({ start }: { start: Retention }) {
  const { t } = useTranslation("retention");
  const client = useQueryClient();
  const [values, setValues] = useState({
    run_days: start.run_days ?? null, most_runs: start.most_runs ?? null, file_days: start.file_days ?? null, most_file_bytes: start.most_file_bytes ?? null,
  });
  const [own, setOwn] = useState<Own[]>(start.workflows);
  const save = useMutation({
    mutationFn: () => ask(api.PUT("/api/retention", { body: { ...values, workflows: own.flatMap(({ id, days }) => (id === null ? [] : [{ id, days }])) } })),
    onSuccess: (after) => client.setQueryData(retention, after),
  });
  const errors = useFieldErrors(save.error);
  const change = (values_: Partial<typeof values>) => {
    save.reset();
    setValues({ ...values, ...values_ });
  };
  // What is half written, such as "12.", stays as it is.
  const [gigabytes, setGigabytes] = useState<number | string>(start.most_file_bytes == null ? "" : start.most_file_bytes / GIGABYTE);
  const count = (value: number | string) => typedNumber(value) ?? null;
  return (
    <Card title={t("limits")}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <div className={classes.pair} style={{ gridTemplateColumns: "repeat(auto-fit, minmax(min(260px, 100%), 1fr))" }}>
          <NumberInput label={t("run_days")} description={t("run_days_hint")} placeholder={t("no_limit")} min={3} max={36500} allowDecimal={false} value={values.run_days ?? ""} error={errors.run_days} onChange={(value) => change({ run_days: count(value) })} />
          <NumberInput label={t("most_runs")} description={t("most_runs_hint")} placeholder={t("no_limit")} min={1} max={1e9} allowDecimal={false} value={values.most_runs ?? ""} error={errors.most_runs} onChange={(value) => change({ most_runs: count(value) })} />
          <NumberInput label={t("file_days")} description={t("file_days_hint")} placeholder={t("as_runs")} min={3} max={36500} allowDecimal={false} value={values.file_days ?? ""} error={errors.file_days} onChange={(value) => change({ file_days: count(value) })} />
          <NumberInput
            label={t("most_file_bytes")} description={t("most_file_bytes_hint")} placeholder={t("no_limit")} min={0.001} max={1e6} decimalScale={3} suffix=" GB"
            value={gigabytes} error={errors.most_file_bytes}
            onChange={(value) => {
              const most = count(value);
              setGigabytes(value);
              change({ most_file_bytes: most === null ? null : Math.round(most * GIGABYTE) });
            }}
          />
        </div>
        <OwnDays
          own={own} error={errors.days ?? errors.id ?? errors.workflows}
          change={(next) => {
            save.reset();
            setOwn(next);
          }}
        />
        {save.isError && <InlineError error={save.error} />}
        <p className={classes.small}>{t("stays")}</p>
        <div className={classes.buttons}>
          <Button type="submit" loading={save.isPending}>{t("save")}</Button>
          <span className={classes.saved} role="status">{save.isSuccess && t("saved")}</span>
        </div>
      </form>
    </Card>
  );
}

/** Workflows whose runs stay longer or shorter than those of others. */
function OwnDays({ own, error, change }: { own: Own[]; error: string | undefined; change: (own: Own[]) => void }) {
  const { t } = useTranslation("retention");
  const workflows = useQuery({ queryKey: keys.workflows, queryFn: () => ask(api.GET("/api/workflows")) });
  const names = (workflows.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }));
  const add = useRef<HTMLButtonElement>(null);
  const replace = (at: number, by: Partial<Own>) => change(own.map((one, place) => (place === at ? { ...one, ...by } : one)));
  return (
    <div className={classes.form} role="group" aria-label={t("own")}>
      <div>
        <strong>{t("own")}</strong>
        <p className={classes.small}>{t("own_hint")}</p>
      </div>
      {workflows.isError && <InlineError error={workflows.error} />}
      {own.map((one, at) => (
        <div key={at} className={classes.buttons} role="group" aria-label={names.find(({ value }) => value === one.id)?.label ?? t("workflow")}>
          <Select
            style={{ flex: 1 }} aria-label={t("workflow")} placeholder={t("workflow")} searchable required autoFocus={one.id === null}
            data={names.filter(({ value }) => value === one.id || !own.some(({ id }) => id === value))} value={one.id} onChange={(id) => replace(at, { id })}
          />
          <NumberInput
            w={140} aria-label={t("days")} suffix={` ${t("days")}`} min={3} max={36500} allowDecimal={false} required value={one.days}
            onChange={(value) => replace(at, { days: typeof value === "number" ? value : 0 })}
          />
          <ActionIcon aria-label={t("remove")} onClick={() => { add.current?.focus(); change(own.filter((_, place) => place !== at)); }}>
            <X size={16} strokeWidth={1.75} />
          </ActionIcon>
        </div>
      ))}
      {error !== undefined && <p className={classes.small} role="alert">{error}</p>}
      <div>
        <Button ref={add} variant="default" size="xs" leftSection={<Plus size={14} strokeWidth={1.75} />} onClick={() => change([...own, { id: null, days: 365 }])}>
          {t("own_add")}
        </Button>
      </div>
    </div>
  );
}

function LastCleanUp({ kept }: { kept: Retention }) {
  const { t } = useTranslation("retention");
  const format = useFormat();
  const { last } = kept;
  return (
    <Card title={t("last")}>
      {last == null ? (
        <p>{t("never")}</p>
      ) : (
        <p>{t("removed", { when: format.when(last.at), runs: last.runs, deliveries: last.deliveries, files: last.files, bytes: format.bytes(last.file_bytes) })}</p>
      )}
      {last != null && last.kept > 0 && <p className={classes.small}>{t("kept", { runs: last.kept })}</p>}
      <p className={classes.small}>
        {t("stored", { bytes: format.bytes(kept.file_bytes) })}
        {kept.oldest_at != null && ` ${t("oldest", { when: format.when(kept.oldest_at) })}`}
      </p>
    </Card>
  );
}
