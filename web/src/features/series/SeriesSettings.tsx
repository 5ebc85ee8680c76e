// Series of numbers: set up here, drawn from by steps, with what became of each number.

import { ActionIcon, Button, Checkbox, NumberInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Hash, List, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, ask } from "~/api/client";
import type { Series } from "~/api/types";
import { addMessages } from "~/i18n/i18n";
import { keys } from "~/lib/queries";
import { useFocusBack } from "~/ui/focus";
import { Card, Loading } from "~/ui/Page";
import { ErrorPanel, InlineError, useFieldErrors } from "~/ui/Problem";
import { useRemoval } from "~/ui/removal";
import classes from "../settings/Settings.module.css";
import { Numbers } from "./Numbers";

await addMessages("series", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

interface Values {
  name: string;
  pattern: string;
  digits: number;
  yearly: boolean;
  first: number;
  void_after_days: number | null;
}

const blank: Values = { name: "", pattern: "{{ year }}-{{ number }}", digits: 4, yearly: true, first: 1, void_after_days: null };

export default function SeriesSettings() {
  const { t } = useTranslation("series");
  const client = useQueryClient();
  const [shown, setShown] = useState<string | null>(null);
  const [changing, setChanging] = useState<string | null>(null);
  const series = useQuery({ queryKey: keys.series, queryFn: () => ask(api.GET("/api/series")) });
  const fresh = () => client.invalidateQueries({ queryKey: keys.series });
  const add = useMutation({
    mutationFn: (body: Values) => ask(api.POST("/api/series", { body })),
    onSuccess: fresh,
  });
  const change = useMutation({
    mutationFn: ({ id, body }: { id: string; body: Values }) => {
      const { name, pattern, digits, void_after_days } = body;
      return ask(api.PUT("/api/series/{id}", { params: { path: { id } }, body: { name, pattern, digits, void_after_days } }));
    },
    onSuccess: async () => {
      setChanging(null);
      await fresh();
    },
  });
  const removal = useRemoval((id) => ask(api.DELETE("/api/series/{id}", { params: { path: { id } } })), fresh);
  const list = removal.left(series.data?.items);
  const open = list.find((one) => one.id === shown);
  return (
    <>
      <Card title={t("add")}>
        <SeriesForm key={add.data?.id ?? "first"} start={blank} isNext={add.data !== undefined} button={t("addButton")} busy={add.isPending} error={add.error} send={(values) => add.mutate(values)} />
      </Card>
      {series.isError && <ErrorPanel error={series.error} retry={() => void series.refetch()} />}
      {series.isPending && <Loading lines={2} />}
      {removal.error !== null && <InlineError error={removal.error} />}
      {series.data !== undefined && (
        <Card flush>
          {list.length === 0 ? (
            <p className={classes.none}>{t("none")}</p>
          ) : (
            <ul className={classes.rows}>
              {list.map((one) => (
                <li key={one.id} style={{ flexWrap: "wrap" }}>
                  <Hash size={16} strokeWidth={1.75} aria-hidden />
                  <About series={one} />
                  <Button
                    size="xs" variant="default" leftSection={<List size={14} strokeWidth={1.75} />}
                    aria-label={t("show", { name: one.name })} aria-expanded={shown === one.id}
                    onClick={() => setShown(shown === one.id ? null : one.id)}
                  >
                    {t("numbers")}
                  </Button>
                  <ActionIcon aria-label={`${t("change")}: ${one.name}`} aria-expanded={changing === one.id} onClick={() => { change.reset(); setChanging(changing === one.id ? null : one.id); }}>
                    <Pencil size={16} strokeWidth={1.75} />
                  </ActionIcon>
                  <ActionIcon
                    aria-label={t("deleteNamed", { name: one.name })}
                    onClick={() => removal.take(one.id, t("deleted", { name: one.name }))}
                  >
                    <Trash2 size={16} strokeWidth={1.75} />
                  </ActionIcon>
                  {changing === one.id && (
                    <div style={{ flexBasis: "100%" }}>
                      <ChangeForm
                        start={{ ...one, first: one.next_count, void_after_days: one.void_after_days ?? null }} button={t("save")}
                        busy={change.isPending} error={change.error} cancel={() => setChanging(null)} send={(body) => change.mutate({ id: one.id, body })}
                      />
                    </div>
                  )}
                </li>
              ))}
            </ul>
          )}
        </Card>
      )}
      {open !== undefined && <Numbers key={open.id} series={open} />}
    </>
  );
}

function About({ series }: { series: Series }) {
  const { t } = useTranslation("series");
  const used = series.used_by.map((one) => one.name);
  return (
    <span className={classes.what}>
      <strong>{series.name}</strong>
      <span>
        <span className="num">{t("next", { number: series.next })}</span>
        {` · ${t("counts", { used: series.used, open: series.open, void: series.void })} · `}
        {used.length === 0 ? t("unused") : t("usedBy", { names: used.join(", ") })}
      </span>
    </span>
  );
}

interface FormProps {
  start: Values;
  button: string;
  /** What was counted stays: the first number and whether it begins again every year. */
  fixed?: boolean;
  /** Another one was added just now, and its form had the focus. */
  isNext?: boolean;
  busy: boolean;
  error: Error | null;
  send: (values: Values) => void;
  cancel?: () => void;
}

function ChangeForm(props: Omit<FormProps, "fixed">) {
  useFocusBack();
  return <SeriesForm {...props} fixed />;
}

function SeriesForm({ start, button, fixed = false, isNext = false, busy, error, send, cancel }: FormProps) {
  const { t } = useTranslation("series");
  const [values, setValues] = useState(start);
  const errors = useFieldErrors(error);
  const set = (change: Partial<Values>) => setValues((before) => ({ ...before, ...change }));
  const whole = (value: number | string, least: number) => (typeof value === "number" ? value : least);
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        send(values);
      }}
    >
      <div className={classes.pair}>
        <TextInput label={t("name")} description={t("nameHint")} autoFocus={isNext} required withAsterisk={false} maxLength={100} value={values.name} error={errors.name} onChange={(event) => set({ name: event.currentTarget.value })} />
        <TextInput label={t("pattern")} description={t("patternHint")} required withAsterisk={false} maxLength={500} spellCheck={false} value={values.pattern} error={errors.pattern} onChange={(event) => set({ pattern: event.currentTarget.value })} />
        <NumberInput label={t("digits")} description={t("digitsHint")} min={1} max={12} allowDecimal={false} value={values.digits} error={errors.digits} onChange={(value) => set({ digits: whole(value, 1) })} />
        <NumberInput
          label={t("voidAfter")} description={t("voidAfterHint")} min={1} max={3650} allowDecimal={false} value={values.void_after_days ?? ""} error={errors.void_after_days}
          onChange={(value) => set({ void_after_days: typeof value === "number" ? value : null })}
        />
        {!fixed && <NumberInput label={t("first")} description={t("firstHint")} min={1} allowDecimal={false} value={values.first} error={errors.first} onChange={(value) => set({ first: whole(value, 1) })} />}
      </div>
      {!fixed && <Checkbox label={t("yearly")} checked={values.yearly} onChange={(event) => set({ yearly: event.currentTarget.checked })} />}
      {error !== null && <InlineError error={error} />}
      <div className={classes.buttons}>
        <Button type="submit" loading={busy} leftSection={fixed ? undefined : <Plus size={15} />}>{button}</Button>
        {cancel !== undefined && <Button variant="default" onClick={cancel}>{t("cancel")}</Button>}
      </div>
    </form>
  );
}
