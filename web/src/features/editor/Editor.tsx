// Lays out the opened editor and wires keys, events, saving, checking and trial runs to the store.

import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { Plus } from "lucide-react";
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Gap } from "~/lib/document/edits";
import { inOrder } from "~/lib/document/lanes";
import { useCommands as useCommandsOfScreen } from "~/lib/commands";
import { useEvents } from "~/lib/events";
import { useFormat } from "~/lib/format";
import { StepErrorWords } from "~/ui/Problem";
import { useAddress } from "./address";
import { ChipHostProvider } from "./chips/host";
import { Inspector } from "./inspector/Inspector";
import { StepList, ViewSwitch } from "./list/StepList";
import { ConflictPanel } from "./panels/ConflictPanel";
import { Palette } from "./panels/Palette";
import { inTurn, ProblemList, useGoToProblem } from "./panels/Problems";
import { PublishPanel } from "./panels/PublishPanel";
import { ActionsProvider } from "./state/actions";
import type { Actions } from "./state/actions";
import { startChecking } from "./state/checker";
import { Saver } from "./state/saver";
import { EditorProvider, portsOf, sampleNamed, useDocument, useEditor } from "./state/store";
import type { EditorStore } from "./state/store";
import { Trials } from "./state/trial";
import { workflowServer } from "./state/workflowServer";
import { Middle } from "./surfaces/Middle";
import { TopBar } from "./TopBar";
import { useEditorKeys } from "./useEditorKeys";
import classes from "./editor.module.css";

const Canvas = lazy(() => import("./canvas/Canvas"));

export function Editor({ store, formUrl }: { store: EditorStore; formUrl: string | null }) {
  return (
    <EditorProvider value={store}>
      <ForChips store={store}>
        <Opened store={store} formUrl={formUrl} />
      </ForChips>
    </EditorProvider>
  );
}

function ForChips({ store, children }: { store: EditorStore; children: ReactNode }) {
  const { time_zone: timeZone } = useDocument();
  const host = useMemo(() => ({ undo: store.undo, redo: store.redo, timeZone }), [store, timeZone]);
  return <ChipHostProvider value={host}>{children}</ChipHostProvider>;
}

function Opened({ store, formUrl }: { store: EditorStore; formUrl: string | null }) {
  const { t } = useTranslation("editor");
  const format = useFormat();
  const document = useDocument();
  const [address, go] = useAddress();
  const sample = sampleNamed(document, address.sample);
  const [saver] = useState(() => new Saver(store, workflowServer(store.id), { merged: (by) => (by ? t("save.mergedBy", { name: by }) : t("save.merged")), mergedLabel: t("save.mergedLabel") }));
  const [trials] = useState(() => new Trials(store, saver, sample));
  useEffect(() => saver.start(), [saver]);
  useEffect(() => startChecking(store), [store]);
  useEffect(() => trials.start(), [trials]);
  useEffect(() => trials.choose(sample), [trials, sample]);

  const runId = useEditor((state) => state.trial?.run?.id);
  useEvents([`workflow:${store.id}`, ...(runId ? [`run:${runId}`] : [])], (event) => {
    if (event.kind === "gap") {
      void trials.refresh();
      void saver.noticed(Number.MAX_SAFE_INTEGER);
    } else if (event.kind === "draft.changed") {
      const revision = Number(event["revision"]);
      if (Number.isFinite(revision)) void saver.noticed(revision);
    } else if (event.kind === "generation.text") {
      trials.streamed({ node: String(event["node"]), itemPath: String(event["item_path"] ?? ""), generation: String(event["generation"]), fence: Number(event["fence"] ?? 0), seq: Number(event["seq"] ?? 0), text: String(event["text"] ?? "") });
    } else if (event.topic === `run:${runId}`) void trials.refresh();
  });

  const [gap, setGap] = useState<Gap | null>(null);
  const [publishing, setPublishing] = useState(false);
  const [looking, setLooking] = useState(false);
  const [left, setLeft] = useState(true);
  const [right, setRight] = useState(true);
  const [narrow, setNarrow] = useState<"steps" | "page" | "settings">("steps");
  const width = useWidth();
  const save = useEditor((state) => state.save);
  const conflict = useEditor((state) => state.conflict);
  const trial = useEditor((state) => state.trial);
  const first = useMemo(() => inOrder(document)[0], [document]);
  const step = document.nodes.some((node) => node.id === address.step) ? address.step : first;
  const goToProblem = useGoToProblem();
  const nextProblem = useRef(0);

  const actions: Actions = useMemo(
    () => ({
      run: (scope) => void trials.run(scope),
      stop: () => void trials.stop(),
      settle: (chosen, label) => saver.settle(chosen, label),
      flush: () => saver.flush(),
      openPalette: (wanted) => {
        const order = inOrder(store.document);
        const last = order.at(-1);
        setGap(wanted ?? (last ? { after: last, port: portsOf(store.document, store.get().checked, store.types, last)[0]?.name ?? "out" } : { after: null, port: "out" }));
      },
    }),
    [trials, saver, store],
  );

  const showNextProblem = () => {
    const problems = inTurn(store.get().checked?.problems ?? []);
    const next = problems[nextProblem.current % Math.max(1, problems.length)];
    nextProblem.current += 1;
    if (next) goToProblem(next);
  };
  useEditorKeys({
    undo: store.undo,
    redo: store.redo,
    run: () => actions.run({ kind: "all" }),
    runStep: () => step && actions.run({ kind: "only", step }),
    problem: showNextProblem,
    surface: (surface) => go({ surface, view: "list" }),
    left: () => setLeft((now) => !now),
    right: () => setRight((now) => !now),
    save: () => void saver.flush(),
  });
  useCommandsOfScreen([
    { id: "editor-run", label: t("run.all"), shortcut: "Ctrl ↵", run: () => actions.run({ kind: "all" }) },
    { id: "editor-publish", label: t("publish.button"), run: () => setPublishing(true) },
    { id: "editor-add", label: t("list.add"), shortcut: "A", run: () => actions.openPalette() },
    { id: "editor-problem", label: t("problems.title"), shortcut: "F8", run: showNextProblem },
    { id: "editor-undo", label: t("undo"), shortcut: "Ctrl Z", run: store.undo },
    { id: "editor-view", label: t(address.view === "canvas" ? "view.list" : "view.canvas"), run: () => go({ view: address.view === "canvas" ? "list" : "canvas" }) },
  ]);

  const canvas = address.view === "canvas";
  const inspecting = step !== undefined && right;
  const body = [classes["body"], canvas ? classes["canvasBody"] : "", !canvas && !left ? classes["noLeft"] : "", inspecting ? "" : classes["noRight"]].join(" ");
  return (
    <ActionsProvider value={actions}>
      <div className={classes["page"]}>
        <TopBar onPublish={() => setPublishing(true)} onLook={() => setLooking(true)} />
        {conflict && (
          <div className={classes["bar"]} role="alert">
            {t("conflict.bar", { name: conflict.by ?? t("conflict.somebody"), when: conflict.at ? format.short(conflict.at) : "" })}
            <Button size="xs" variant="default" onClick={() => setLooking(true)}>{t("conflict.look")}</Button>
          </div>
        )}
        {!conflict && save === "kept" && (
          <div className={classes["bar"]} role="status">
            {t("open.kept")}
            <Button size="xs" variant="default" onClick={() => void saver.flush()}>{t("tryNow")}</Button>
          </div>
        )}
        {trial?.error && !trial.quiet && <div className={[classes["bar"], classes["barErr"]].join(" ")} role="alert">{trial.error === "offline" ? t("run.offline") : trial.error}</div>}
        {trial?.run?.state === "failed" && trial.run.error && !trial.quiet && (
          <div className={[classes["bar"], classes["barErr"]].join(" ")} role="alert"><StepErrorWords error={trial.run.error} /></div>
        )}
        <div className={body} style={{ "--inspector": `${width.value}px` } as React.CSSProperties}>
          {canvas ? (
            <section className={classes["column"]} data-shown={narrow !== "settings"} data-region="canvas" aria-label={t("view.canvas")} tabIndex={-1}>
              <Suspense fallback={null}><Canvas /></Suspense>
            </section>
          ) : (
            <>
              <section className={classes["column"]} data-shown={narrow === "steps"} data-region="steps" aria-label={t("list.title")} tabIndex={-1} hidden={!left}>
                <div className={classes["left"]}>
                  <div className={classes["leftHead"]}>
                    <ViewSwitch />
                    <Tooltip label={t("list.addHint")}><ActionIcon aria-label={t("list.add")} onClick={() => actions.openPalette()}><Plus size={16} /></ActionIcon></Tooltip>
                  </div>
                  <StepList onAdd={setGap} onRunTo={(to) => actions.run({ kind: "to", step: to })} foot={<ProblemList />} />
                </div>
              </section>
              <div className={classes["column"]} data-shown={narrow === "page"}><Middle formUrl={formUrl} /></div>
            </>
          )}
          {step && (
            <div className={[classes["column"], classes["right"], inspecting ? "" : classes["rightHidden"]].join(" ")} data-shown={narrow === "settings"} hidden={!inspecting}>
              <Grip {...width} label={t("inspector.resize")} />
              <Inspector step={step} onClose={() => setRight(false)} />
            </div>
          )}
        </div>
        <div className={classes["tabs"]} role="tablist" aria-label={t("view.label")}>
          {(["steps", "page", "settings"] as const).map((name) => (
            <button
              type="button" role="tab" key={name} aria-selected={narrow === name}
              onClick={() => {
                setNarrow(name);
                if (name === "settings") setRight(true);
              }}
            >{t(`narrow.${name}`)}</button>
          ))}
        </div>
        <div className="visually-hidden" role="status" aria-live="polite">{trial?.run && !trial.quiet ? t(`runState.${trial.run.state}`) : ""}</div>
      </div>
      <Palette gap={gap} onClose={() => setGap(null)} />
      <PublishPanel opened={publishing} onClose={() => setPublishing(false)} />
      <ConflictPanel opened={looking} onClose={() => setLooking(false)} />
    </ActionsProvider>
  );
}

const [NARROWEST, WIDEST, USUAL] = [320, 520, 376];

interface Width {
  value: number;
  set: (value: number) => void;
}

function useWidth(): Width {
  const [value, setValue] = useState(() => Number(localStorage.getItem("formwork-inspector")) || USUAL);
  return {
    value,
    set: (next) => {
      const bounded = Math.max(NARROWEST, Math.min(WIDEST, Math.round(next)));
      setValue(bounded);
      localStorage.setItem("formwork-inspector", String(bounded));
    },
  };
}

function Grip({ value, set, label }: Width & { label: string }) {
  return (
    <div
      className={classes["grip"]} role="separator" tabIndex={0} aria-orientation="vertical" aria-label={label} aria-valuenow={value} aria-valuemin={NARROWEST} aria-valuemax={WIDEST}
      onKeyDown={(event) => {
        if (event.key === "ArrowLeft") set(value + 16);
        else if (event.key === "ArrowRight") set(value - 16);
      }}
      onPointerDown={(event) => {
        const [start, from] = [event.clientX, value];
        const rtl = getComputedStyle(event.currentTarget).direction === "rtl" ? -1 : 1;
        event.currentTarget.setPointerCapture(event.pointerId);
        const move = (moved: PointerEvent) => set(from + (start - moved.clientX) * rtl);
        const handle = event.currentTarget;
        handle.addEventListener("pointermove", move);
        handle.addEventListener("pointerup", () => handle.removeEventListener("pointermove", move), { once: true });
      }}
    />
  );
}
