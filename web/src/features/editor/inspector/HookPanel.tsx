// The address of an inbound webhook, and listening for a test call: its values and a sample are taken from the real message.

import { Button, CopyButton } from "@mantine/core";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, Copy, Ear, Square } from "lucide-react";
import { useTranslation } from "react-i18next";

import { setConfig, setSample } from "~/lib/document/edits";
import { isObject } from "~/lib/document/pointer";
import type { Json } from "~/lib/document/types";
import { useFormat } from "~/lib/format";
import { ErrorWords } from "~/ui/Problem";
import { Spinner } from "~/ui/State";
import { getHookTest, startHookTest, stopHookTest } from "../api";
import { useDocument, useEditor, useStore } from "../state/store";
import classes from "./inspector.module.css";

/** How often a call is looked for while somebody listens. */
const LOOK_MS = 1_500;

export function HookPanel({ step, member }: { step: string; member: string }) {
  const { t } = useTranslation("editor");
  const store = useStore();
  const document = useDocument();
  const format = useFormat();
  const client = useQueryClient();
  // A new step has an address once it is saved.
  const revision = useEditor((state) => state.base.revision);
  const key = ["workflow", store.id, "hook-test", step, revision];
  const test = useQuery({
    queryKey: key, queryFn: () => getHookTest(store.id, step), retry: false, placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => (state.data?.listening_until ? LOOK_MS : false),
  });
  const listen = useMutation({
    mutationFn: () => startHookTest(store.id, step),
    onSuccess: (started) => client.setQueryData(key, started),
  });
  const stop = useMutation({ mutationFn: () => stopHookTest(store.id, step), onSuccess: () => client.invalidateQueries({ queryKey: key }) });
  const error = listen.error ?? stop.error;
  const { url, sample, fields, listening_until: until, received_at: at } = test.data ?? {};
  const use = () => {
    if (!isObject(sample as Json)) return;
    const known = document.samples.map((one) => one.name);
    const base = t("hook.sampleName", { when: format.short(at ?? "") });
    const name = known.includes(base) ? `${base} (${known.length + 1})` : base;
    store.edit(t("hook.used"), (current) => setSample(setConfig(current, step, [member], fields as Json), name, sample as never));
    stop.mutate();
  };
  return (
    <section className={classes["section"]} aria-label={t("hook.title")}>
      <h3>{t("hook.title")}</h3>
      {url === undefined ? (
        <p className={classes["words"]}>{test.isError ? t("hook.unsaved") : "…"}</p>
      ) : (
        <div className={classes["address"]}>
          <code>{url}</code>
          <CopyButton value={url}>
            {({ copied, copy }) => (
              <Button size="xs" variant="default" leftSection={copied ? <Check size={14} /> : <Copy size={14} />} onClick={copy}>{copied ? t("hook.copied") : t("hook.copy")}</Button>
            )}
          </CopyButton>
        </div>
      )}
      <div role="status">
        {until ? (
          <div className={classes["listening"]}>
            <Spinner size={14} />
            <span>{t("hook.listening")}</span>
            <Button size="xs" variant="default" leftSection={<Square size={12} />} loading={stop.isPending} onClick={() => stop.mutate()}>{t("hook.stop")}</Button>
          </div>
        ) : sample ? (
          <>
            <p>{t("hook.came", { when: format.short(at ?? ""), count: fields?.length ?? 0 })}</p>
            <pre className={classes["stream"]} tabIndex={0} aria-label={t("hook.message")}>{JSON.stringify(sample, null, 2)}</pre>
            <div className={classes["listening"]}>
              <Button size="xs" onClick={use}>{t("hook.use")}</Button>
              <Button size="xs" variant="default" onClick={() => listen.mutate()}>{t("hook.again")}</Button>
              <Button size="xs" variant="subtle" color="gray" onClick={() => stop.mutate()}>{t("hook.forget")}</Button>
            </div>
          </>
        ) : (
          <Button size="xs" variant="default" leftSection={<Ear size={14} />} loading={listen.isPending} disabled={url === undefined} onClick={() => listen.mutate()}>{t("hook.listen")}</Button>
        )}
      </div>
      {error && <div role="alert" className={classes["error"]}><ErrorWords error={error} /></div>}
    </section>
  );
}
