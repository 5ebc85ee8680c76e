// Lays out the opened template editor and wires keys, events, saving and drawing to the store.

import { Button, SegmentedControl } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { useCommands as useCommandsOfScreen } from "~/lib/commands";
import { useEvents } from "~/lib/events";
import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import type { Template } from "~/lib/template/blocks";
import { mergeTemplates } from "~/lib/template/merge";
import { fieldsOf } from "~/lib/template/scope";
import { useTitle } from "~/lib/title";
import { errorLine } from "~/ui/Problem";
import { say } from "~/ui/Toasts";
import { ChipHostProvider } from "../chips/host";
import { Saver } from "../state/saver";
import { useEditorKeys } from "../useEditorKeys";
import { AddBlock } from "./AddBlock";
import { useTemplateAddress } from "./address";
import { createDocument } from "./api";
import { BlockTree } from "./BlockTree";
import type { Dragged } from "./BlockTree";
import { useBlockCommands } from "./commands";
import { Drawer } from "./drawer";
import { FieldsPanel } from "./FieldsPanel";
import { TemplateInspector } from "./inspector/Inspector";
import { useName } from "./name";
import { Pages } from "./Pages";
import { ProblemPanel, useGoToTrouble, useTroubles } from "./panels/ProblemPanel";
import { PublishPanel } from "./panels/PublishPanel";
import type { PublishTab } from "./panels/PublishPanel";
import { TemplateProvider, templateServer, useTemplate, useTemplateState, useTemplateStore } from "./state";
import type { TemplateStore } from "./state";
import { TemplateBar } from "./TopBar";
import editor from "../editor.module.css";
import classes from "./template.module.css";

export function TemplateEditor({ store, name }: { store: TemplateStore; name: string }) {
  const host = useMemo(() => ({ undo: store.undo, redo: store.redo, timeZone: "" }), [store]);
  return (
    <TemplateProvider value={store}>
      <ChipHostProvider value={host}>
        <Opened store={store} name={name} />
      </ChipHostProvider>
    </TemplateProvider>
  );
}

type Narrow = "blocks" | "page" | "settings";

function focusInspector(): void {
  document.querySelector<HTMLElement>("[data-region=inspector] [role=tab][aria-selected=true]")?.focus();
}

function Opened({ store, name }: { store: TemplateStore; name: string }) {
  const { t } = useTranslation("template");
  const [address] = useTemplateAddress();
  const [saver] = useState(
    () => new Saver(store, templateServer(store), { merged: (by) => (by ? t("save.mergedBy", { name: by }) : t("save.merged")), mergedLabel: t("save.mergedLabel") }),
  );
  const [drawer] = useState(() => new Drawer(store));
  useEffect(() => saver.start(), [saver]);
  useEffect(() => drawer.start(), [drawer]);
  const sample = address.sample ?? null;
  useEffect(() => {
    if (sample !== store.get().sample) void drawer.draw(sample);
  }, [drawer, store, sample]);
  useTitle(name);
  const { rename, reread } = useName(store.id);
  const [gone, setGone] = useState(false);
  useEvents([`document:${store.id}`], (event) => {
    if (event.kind === "document.deleted") setGone(true);
    if (event.kind === "document.renamed" || event.kind === "gap") void reread().then((isThere) => setGone(!isThere));
    const revision = event.kind === "gap" ? Number.MAX_SAFE_INTEGER : Number(event["revision"]);
    if (Number.isFinite(revision)) void saver.noticed(revision);
  });

  const [publishing, setPublishing] = useState<PublishTab | null>(null);
  const [left, setLeft] = useState(true);
  const [right, setRight] = useState(true);
  const [narrow, setNarrow] = useState<Narrow>("page");
  const [dragged, setDragged] = useState<Dragged>(null);
  const troubles = useTroubles();
  const goTo = useGoToTrouble();
  const turn = useRef(0);
  const save = useTemplateState((state) => state.save);
  const flush = () => saver.flush();
  const showNext = () => {
    const next = troubles[turn.current % Math.max(1, troubles.length)];
    turn.current += 1;
    if (next) goTo(next);
  };
  useEditorKeys({
    undo: store.undo,
    redo: store.redo,
    problem: showNext,
    left: () => setLeft((now) => !now),
    right: () => setRight((now) => !now),
    save: () => void saver.flush(),
  });
  useCommandsOfScreen([
    { id: "template-publish", label: t("publish.title"), run: () => setPublishing("publish") },
    { id: "template-versions", label: t("versions.title"), run: () => setPublishing("versions") },
    { id: "template-problem", label: t("problems.title"), shortcut: "F8", run: showNext },
    { id: "template-undo", label: t("undo"), shortcut: "Ctrl Z", run: store.undo },
  ]);

  const body = [editor["body"], left ? "" : editor["noLeft"], right ? "" : editor["noRight"]].join(" ");
  return (
    <div className={editor["page"]}>
      <TemplateBar name={name} rename={rename} flush={flush} onPublish={() => setPublishing("publish")} onVersions={() => setPublishing("versions")} onSample={() => void drawer.draw()} />
      {gone && <GoneBar name={name} />}
      <ConflictBar settle={(document, label) => saver.settle(document, label)} />
      {save === "kept" && !gone && (
        <div className={editor["bar"]} role="status">
          {t("save.offline")}
          <Button size="xs" variant="default" onClick={() => void saver.flush()}>{t("save.tryNow")}</Button>
        </div>
      )}
      <div className={body}>
        <section className={editor["column"]} data-shown={narrow === "blocks"} data-region="steps" aria-label={t("left.label")} tabIndex={-1} hidden={!left}>
          <Left
            dragged={dragged} onDrag={setDragged}
            onEdit={() => {
              setRight(true);
              setNarrow("settings");
              requestAnimationFrame(focusInspector);
            }}
          />
        </section>
        <div className={editor["column"]} data-shown={narrow === "page"}><Pages name={name} dragged={dragged} onDrag={setDragged} /></div>
        <div className={[editor["column"], editor["right"], right ? "" : editor["rightHidden"]].join(" ")} data-shown={narrow === "settings"} hidden={!right}>
          <TemplateInspector onClose={() => setRight(false)} />
        </div>
      </div>
      <div className={editor["tabs"]} role="tablist" aria-label={t("narrow.label")}>
        {(["blocks", "page", "settings"] as const).map((one) => (
          <button
            type="button" role="tab" key={one} aria-selected={narrow === one}
            onClick={() => {
              setNarrow(one);
              if (one === "settings") setRight(true);
            }}
          >{t(`narrow.${one}`)}</button>
        ))}
      </div>
      <PublishPanel tab={publishing} onTab={setPublishing} name={name} flush={flush} />
    </div>
  );
}

/** Two people changed the same place: nothing is overwritten, one of them is kept by choice. Everything else was put together already. */
function ConflictBar({ settle }: { settle: (document: Template, label: string) => void }) {
  const { t } = useTranslation("template");
  const format = useFormat();
  const store = useTemplateStore();
  const conflict = useTemplateState((state) => state.conflict);
  if (!conflict) return null;
  const keep = (side: "mine" | "theirs") => {
    const { base } = store.get();
    settle(mergeTemplates(base.document, conflict.theirs, store.document, side).document, t(`conflict.${side}`));
  };
  return (
    <div className={editor["bar"]} role="alert">
      {t("conflict.bar", { name: conflict.by ?? t("conflict.somebody"), when: conflict.at ? format.short(conflict.at) : "", count: conflict.places.length })}
      <Button size="xs" variant="default" onClick={() => keep("mine")}>{t("conflict.mine")}</Button>
      <Button size="xs" variant="default" onClick={() => keep("theirs")}>{t("conflict.theirs")}</Button>
    </div>
  );
}

/** Somebody deleted the document: nothing is saved any more, and what is here need not be lost. */
function GoneBar({ name }: { name: string }) {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const client = useQueryClient();
  const navigate = useNavigate();
  const make = useMutation({
    mutationFn: () => createDocument(name, store.document),
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: keys.documents });
      await navigate({ to: "/documents/$id", params: { id: made.id } });
    },
    onError: (error) => void errorLine(error).then((line) => say(line)),
  });
  return (
    <div className={[editor["bar"], editor["barErr"]].join(" ")} role="alert">
      {t("open.deleted")}
      <Button size="xs" variant="default" loading={make.isPending} onClick={() => make.mutate()}>{t("open.keep")}</Button>
    </div>
  );
}

/** Blocks or fields; what can be added and what is wrong below. */
function Left({ dragged, onDrag, onEdit }: { dragged: Dragged; onDrag: (dragged: Dragged) => void; onEdit: () => void }) {
  const { t } = useTranslation("template");
  const template = useTemplate();
  const [{ block }] = useTemplateAddress();
  const commands = useBlockCommands();
  const [side, setSide] = useState<"blocks" | "fields">("blocks");
  return (
    <div className={editor["left"]}>
      <div className={editor["leftHead"]}>
        <SegmentedControl
          fullWidth className={classes["sides"]} aria-label={t("left.label")} value={side} onChange={(next) => setSide(next === "fields" ? "fields" : "blocks")}
          data={[{ value: "blocks", label: t("left.blocks") }, { value: "fields", label: t("left.fields", { count: fieldsOf(template).length }) }]}
        />
      </div>
      {side === "blocks" ? (
        <>
          <div className={classes["scroll"]}>
            <button type="button" className={classes["ofPage"]} aria-pressed={block === undefined} onClick={() => commands.select(undefined)}>{t("page.title")}</button>
            <BlockTree chosen={block} dragged={dragged} onDrag={onDrag} onEdit={onEdit} />
          </div>
          <AddBlock onDrag={onDrag} />
        </>
      ) : <div className={classes["scroll"]}><FieldsPanel /></div>}
      <ProblemPanel />
    </div>
  );
}
