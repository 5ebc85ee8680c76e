// Path, save tag, undo and redo, sample, problems, run, publish.

import { Button, Loader, Menu } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { ChevronDown, CircleCheck, CircleX, Play, Square, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";

import { patchNode } from "~/lib/document/edits";
import { SamplePicker } from "./panels/SamplePicker";
import { useGoToProblem } from "./panels/Problems";
import { useActions } from "./state/actions";
import { useEditor, useStore } from "./state/store";
import { isOver } from "./state/trial";
import { HistoryButtons, SaveTag } from "./TopBarParts";
import classes from "./editor.module.css";

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
      <HistoryButtons history={history} undo={store.undo} redo={store.redo} />
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
