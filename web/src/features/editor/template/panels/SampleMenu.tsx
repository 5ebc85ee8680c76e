// With which values the pages are drawn: as workflows fill them in, a named sample, one from a past run, one that is typed.

import { Button, Menu, Modal, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, ChevronDown, FlaskConical, History, PenLine, Plus, Trash2 } from "lucide-react";
import { lazy, Suspense, useRef, useState } from "react";
import type { RefObject } from "react";
import { useTranslation } from "react-i18next";

import { api, ask } from "~/api/client";
import type { JsonObject } from "~/lib/document/types";
import { copyName } from "~/lib/document/ids";
import { keys } from "~/lib/queries";
import { takenFields } from "~/lib/template/scope";
import { useFocusBack } from "~/ui/focus";
import { errorLine, InlineError } from "~/ui/Problem";
import { say } from "~/ui/Toasts";
import { TypedFields } from "~/features/editor/surfaces/TypedValue";
import { addSample, changeSample, getSamples, removeSample } from "../api";
import type { NamedSample } from "../api";
import { useTemplateAddress } from "../address";
import { useTemplate, useTemplateState, useTemplateStore } from "../state";
import panels from "~/features/editor/panels/panels.module.css";

const PastRuns = lazy(() => import("./PastRuns"));

type Open = "run" | "type" | "edit" | null;

export function useSamples(id: string) {
  return useQuery({ queryKey: [...keys.document(id), "samples"], queryFn: () => getSamples(id) });
}

export function SampleMenu({ users, onChanged }: { users: ReadonlyArray<{ id: string; name: string }>; onChanged: () => void }) {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const client = useQueryClient();
  const [address, go] = useTemplateAddress();
  const samples = useSamples(store.id).data?.items ?? [];
  const sample = samples.find((one) => one.id === address.sample) ?? null;
  const [open, setOpen] = useState<Open>(null);
  const button = useRef<HTMLButtonElement>(null);
  const refresh = () => client.invalidateQueries({ queryKey: [...keys.document(store.id), "samples"] });
  const failed = (error: unknown) => void errorLine(error).then((line) => say(line));
  const restore = useMutation({
    mutationFn: (gone: NamedSample) => addSample(store.id, gone.name, gone.values),
    onSuccess: async (made) => {
      await refresh();
      go({ sample: made.id });
    },
    onError: failed,
  });
  const remove = useMutation({
    mutationFn: (gone: NamedSample) => removeSample(store.id, gone.id),
    onSuccess: async (_, gone) => {
      go({ sample: undefined });
      await refresh();
      say(t("removed", { name: gone.name }), { label: t("undo"), run: () => restore.mutate(gone) });
    },
    onError: failed,
  });
  const done = async (made: NamedSample) => {
    setOpen(null);
    await refresh();
    go({ sample: made.id });
    if (made.id === address.sample) onChanged();
  };
  const free = (name: string) => (samples.some((one) => one.name === name) ? copyName(name, samples.map((one) => one.name)) : name);
  const tick = (on: boolean) => (on ? <Check size={14} /> : <span style={{ inlineSize: 14 }} />);
  return (
    <>
      <Menu width={280}>
        <Menu.Target>
          <Button ref={button} variant="default" leftSection={<FlaskConical size={14} />} rightSection={<ChevronDown size={14} />} style={{ maxInlineSize: 280 }}>
            <span style={{ color: "var(--text3)", fontWeight: 400, marginInlineEnd: 6 }}>{t("sample.label")}</span>
            <span style={{ overflow: "hidden", textOverflow: "ellipsis" }}>{sample?.name ?? t("sample.usual")}</span>
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={tick(sample === null)} onClick={() => go({ sample: undefined })}>{t("sample.usual")}</Menu.Item>
          {samples.map((one) => <Menu.Item key={one.id} leftSection={tick(one === sample)} onClick={() => go({ sample: one.id })}>{one.name}</Menu.Item>)}
          <Menu.Divider />
          <Menu.Item leftSection={<History size={14} />} onClick={() => setOpen("run")}>{t("sample.past")}</Menu.Item>
          <Menu.Item leftSection={<Plus size={14} />} onClick={() => setOpen("type")}>{t("sample.type")}</Menu.Item>
          {sample && <Menu.Item leftSection={<PenLine size={14} />} onClick={() => setOpen("edit")}>{t("sample.edit", { name: sample.name })}</Menu.Item>}
          {sample && <Menu.Item leftSection={<Trash2 size={14} />} className="danger" onClick={() => remove.mutate(sample)}>{t("sample.remove", { name: sample.name })}</Menu.Item>}
        </Menu.Dropdown>
      </Menu>
      <Suspense>{open === "run" && <PastRuns users={users} name={free} button={button} onClose={() => setOpen(null)} onMade={done} />}</Suspense>
      {open === "type" && <TypedSample sample={null} name={free(t("sample.new"))} button={button} onClose={() => setOpen(null)} onMade={done} />}
      {open === "edit" && sample && <TypedSample sample={sample} name={sample.name} button={button} onClose={() => setOpen(null)} onMade={done} />}
    </>
  );
}

export interface MadeProps {
  /** Gets the focus when the dialog is closed: the item of the menu that opened it is gone. */
  button: RefObject<HTMLElement | null>;
  onClose: () => void;
  onMade: (sample: NamedSample) => Promise<void>;
}

/** Typed by hand, beginning with what the pages show now. */
function TypedSample({ sample, name: first, button, onClose, onMade }: MadeProps & { sample: NamedSample | null; name: string }) {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const template = useTemplate();
  const shown = useTemplateState((state) => state.preview?.values);
  const currency = useQuery({ queryKey: keys.firm, queryFn: () => ask(api.GET("/api/firm")), staleTime: 60_000 }).data?.currency ?? "EUR";
  useFocusBack(button);
  const [name, setName] = useState(first);
  const [values, setValues] = useState<JsonObject>(sample?.values ?? shown ?? {});
  const keep = useMutation({ mutationFn: () => (sample ? changeSample(store.id, sample.id, name, values) : addSample(store.id, name, values)), onSuccess: onMade });
  return (
    <Modal opened onClose={onClose} title={sample ? t("sample.edit", { name: sample.name }) : t("sample.type")} size="lg" closeButtonProps={{ "aria-label": t("close") }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          keep.mutate();
        }}
      >
        <TextInput data-autofocus label={t("sample.name")} value={name} maxLength={100} onChange={(event) => setName(event.currentTarget.value)} mb={12} />
        <TypedFields label={t("sample.values")} fields={takenFields(template)} value={values} currency={currency} onChange={setValues} />
        {keep.isError && <InlineError error={keep.error} />}
        <div className={panels["foot"]}><Button type="submit" loading={keep.isPending} disabled={name.trim() === ""}>{t("sample.keep")}</Button></div>
      </form>
    </Modal>
  );
}
