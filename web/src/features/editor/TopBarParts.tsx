// What the top bars of all editors have: whether the draft is saved, and the ways back and forth.

import { ActionIcon, Tooltip } from "@mantine/core";
import { CloudCheck, CloudOff, CloudUpload, Redo2, Split, Undo2 } from "lucide-react";
import { useTranslation } from "react-i18next";

import type { History } from "~/lib/document/history";
import type { SaveState } from "./state/draft";
import classes from "./editor.module.css";

const SAVE_ICON = { saved: CloudCheck, saving: CloudUpload, kept: CloudOff, elsewhere: Split };

export function SaveTag({ state }: { state: SaveState }) {
  const { t } = useTranslation("editor");
  const Icon = SAVE_ICON[state];
  return <span className={classes["save"]} data-state={state} role="status"><Icon size={13} aria-hidden />{t(`save.${state}`)}</span>;
}

export function HistoryButtons({ history, undo, redo }: { history: History<unknown>; undo: () => void; redo: () => void }) {
  const { t } = useTranslation("editor");
  return (
    <>
      <Tooltip label={history.past.length ? t("top.undoOf", { what: history.past.at(-1)?.label ?? "" }) : t("undo")}>
        <ActionIcon aria-label={t("undo")} disabled={history.past.length === 0} onClick={undo}><Undo2 size={16} /></ActionIcon>
      </Tooltip>
      <Tooltip label={history.future.length ? t("top.redoOf", { what: history.future[0]?.label ?? "" }) : t("redo")}>
        <ActionIcon aria-label={t("redo")} disabled={history.future.length === 0} onClick={redo}><Redo2 size={16} /></ActionIcon>
      </Tooltip>
    </>
  );
}
