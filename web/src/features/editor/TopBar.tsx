// Path, save tag, undo and redo, sample, problems, run, publish.

import { ActionIcon, Button, Loader, Menu, Tooltip } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { ChevronDown, CircleCheck, CircleX, CloudCheck, CloudOff, CloudUpload, Play, Redo2, Split, Square, TriangleAlert, Undo2 } from "lucide-react";
import { useTranslation } from "react-i18next";

import { patchNode } from "~/lib/document/edits";
import { SamplePicker } from "./panels/SamplePicker";
import { useGoToProblem } from "./panels/Problems";
import { useActions } from "./state/actions";
import type { SaveState } from "./state/draft";
import { useEditor, useStore } from "./state/store";
import { isOver } from "./state/trial";
import classes from "./editor.module.css";

const SAVE_ICON = { saved: CloudCheck, saving: CloudUpload, kept: CloudOff, elsewhere: Split };

export function SaveTag({ state }: { state: SaveState }) {
  const { t } = useTranslation("editor");
  const Icon = SAVE_ICON[state];
  return <span className={classes["save"]} data-state={state} role="status"><Icon size={13} aria-hidden />{t(`save.${state}`)}</span>;
}

export function TopBar({ onPublish, onLook }: { onPublish: () => void; onLook: () => void }) {
  const { t } = useTranslation("editor");
  const store = useStore();
  const actions = useActions();
  const goTo = useGoToProblem();
  const history = useEditor((state) => state.history);
  const save = useEditor((state) => state.save);
  const problems = useEditor((state) => state.checked?.problems);
  const trial = useEditor((state) => state.trial);
  const reallySend = useEditor((state) => state.reallySend);
  const errors = problems?.filter((problem) => problem.severity === "error").length ?? 0;
  const warnings = (problems?.length ?? 0) - errors;
  const running = Boolean(trial && !trial.quiet && !trial.error && (!trial.run || !isOver(trial.run)));
  const first = problems?.find((problem) => problem.severity === "error") ?? problems?.[0];
  return (
    <header className={classes["top"]} data-region="top">
      <nav className={classes["path"]} aria-label={t("top.path")}>
        <Link to="/workflows">{t("top.workflows")}</Link>
        <span aria-hidden>/</span>
        <h1 className={classes["name"]}>
          <input
            className={classes["title"]} aria-label={t("top.name")} value={history.present.name} size={Math.max(8, Math.min(34, history.present.name.length))}
            onChange={(event) => {
              const name = event.currentTarget.value;
              store.edit(t("label.rename", { name }), (document) => ({ ...patchNode(document, "", {}), name }), "workflow-name");
            }}
          />
        </h1>
      </nav>
      <SaveTag state={save} />
      {save === "elsewhere" && <Button size="xs" variant="default" onClick={onLook}>{t("conflict.look")}</Button>}
      <span className={classes["spacer"]} />
      <Tooltip label={history.past.length ? t("top.undoOf", { what: history.past.at(-1)?.label ?? "" }) : t("undo")}>
        <ActionIcon aria-label={t("undo")} disabled={history.past.length === 0} onClick={store.undo}><Undo2 size={16} /></ActionIcon>
      </Tooltip>
      <Tooltip label={history.future.length ? t("top.redoOf", { what: history.future[0]?.label ?? "" }) : t("redo")}>
        <ActionIcon aria-label={t("redo")} disabled={history.future.length === 0} onClick={store.redo}><Redo2 size={16} /></ActionIcon>
      </Tooltip>
      <i className={classes["divider"]} aria-hidden />
      <SamplePicker />
      {problems && (
        <button type="button" className={classes["problems"]} data-level={errors ? "error" : warnings ? "warning" : "none"} disabled={!first} title={first ? t("problems.next") : undefined} onClick={() => first && goTo(first)}>
          {errors ? <CircleX size={15} aria-hidden /> : warnings ? <TriangleAlert size={15} aria-hidden /> : <CircleCheck size={15} aria-hidden />}
          {errors ? t("problems.errors", { count: errors }) : warnings ? t("problems.warnings", { count: warnings }) : t("problems.none")}
        </button>
      )}
      {running
        ? <Button variant="default" leftSection={<Square size={13} />} rightSection={<Loader size={12} />} onClick={actions.stop}>{t("run.stop")}</Button>
        : (
          <Button.Group>
            <Button variant="default" leftSection={<Play size={14} />} onClick={() => actions.run({ kind: "all" })} aria-keyshortcuts="Control+Enter">{t("run.all")}</Button>
            <Menu>
              <Menu.Target><Button variant="default" px={6} aria-label={t("run.options")}><ChevronDown size={14} /></Button></Menu.Target>
              <Menu.Dropdown>
                <Menu.CheckboxItem checked={reallySend} onChange={(next) => store.set({ reallySend: next })}>
                  {t("run.reallySend")}
                  <div className={classes["meta"]}>{t("run.reallySendHelp")}</div>
                </Menu.CheckboxItem>
              </Menu.Dropdown>
            </Menu>
          </Button.Group>
        )}
      <Button onClick={onPublish}>{t("publish.button")}</Button>
    </header>
  );
}
