// The blocks of the template as a tree: walk, move by keys or drag, copy and paste. The complete editor for those who do not see the page.

import { ActionIcon, Menu } from "@mantine/core";
import { ArrowDown, ArrowUp, ClipboardPaste, Copy, CopyPlus, Ellipsis, Trash2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { ClipboardEvent, DragEvent, KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";

import { singleKeysOn } from "~/lib/keyboard";
import { isInside } from "~/lib/template/edits";
import { listAt, placeOf, rowsOf, slotsOf } from "~/lib/template/blocks";
import type { Row, Template } from "~/lib/template/blocks";
import type { Path } from "~/lib/document/pointer";
import { placeOfProblem } from "~/lib/template/places";
import { say } from "~/ui/Toasts";
import { KEYS } from "../list/keyNames";
import { addressOf, around, MOVE_KEYS, movesOf, useBlockCommands } from "./commands";
import { BlockIcon } from "./icons";
import { useTemplate, useTemplateState } from "./state";
import { rowTitle } from "./words";
import classes from "./template.module.css";

/** What is dragged: a block, or a kind of block that is to be added. */
export type Dragged = { path: Path } | { type: string } | null;

type Side = "before" | "after" | "inside";

interface Props {
  chosen: string | undefined;
  dragged: Dragged;
  onDrag: (dragged: Dragged) => void;
  onEdit: () => void;
}

/** Where something that is dropped on a line goes. */
function gapOf(template: Template, row: Row, side: Side): { list: Path; index: number } {
  if (row.kind === "slot") return { list: row.path, index: 0 };
  const [slot] = slotsOf(row.block);
  if (side === "inside" && slot) {
    const list = [...row.path, ...slot.path];
    return { list, index: listAt(template, list).length };
  }
  const { list, index } = placeOf(row.path);
  return { list, index: side === "before" ? index : index + 1 };
}

function sideAt(event: DragEvent, row: Row): Side {
  if (row.kind === "slot") return "inside";
  const box = event.currentTarget.getBoundingClientRect();
  const share = (event.clientY - box.top) / Math.max(1, box.height);
  if (slotsOf(row.block).length > 0 && share > 0.3 && share < 0.7) return "inside";
  return share < 0.5 ? "before" : "after";
}

export function BlockTree({ chosen, dragged, onDrag, onEdit }: Props) {
  const { t } = useTranslation("template");
  const template = useTemplate();
  const commands = useBlockCommands();
  const problems = useTemplateState((state) => state.problems);
  const warnings = useTemplateState((state) => state.preview?.warnings);
  const [target, setTarget] = useState<{ key: string; side: Side } | null>(null);
  const tree = useRef<HTMLUListElement>(null);
  const refocus = useRef(false);
  const rows = rowsOf(template);
  const selected = rows.find((row) => addressOf(row) === chosen);
  const stop = selected ?? rows.find((row) => row.kind === "slot" && row.slot === "body") ?? rows[0];

  useEffect(() => {
    if (!refocus.current) return;
    refocus.current = false;
    tree.current?.querySelector<HTMLElement>("[role=treeitem][tabindex='0']")?.focus();
  });
  useEffect(() => {
    const line = tree.current?.querySelector<HTMLElement>("[aria-selected=true]");
    line?.scrollIntoView({ block: "nearest" });
    // Who walks the tree stays with what is chosen, also when that follows something deleted.
    if (tree.current?.contains(document.activeElement)) line?.focus();
  }, [chosen]);

  const choose = (row: Row | undefined) => {
    if (!row) return;
    refocus.current = true;
    commands.select(addressOf(row), true);
  };
  const onKey = (event: KeyboardEvent, row: Row) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey) return;
    const at = rows.indexOf(row);
    const path = row.kind === "block" ? row.path : null;
    const moves = path ? movesOf(commands, path) : {};
    const walks: Record<string, Row | undefined> = {
      ArrowDown: rows[at + 1], ArrowUp: rows[at - 1], Home: rows[0], End: rows.at(-1),
      ArrowLeft: rows.slice(0, at).findLast((other) => other.depth < row.depth),
      ArrowRight: (rows[at + 1]?.depth ?? 0) > row.depth ? rows[at + 1] : undefined,
    };
    if (event.altKey) {
      const move = moves[event.key];
      if (!move) return;
      refocus.current = true;
      move();
    } else if (event.key in walks) choose(walks[event.key]);
    else if (event.key === "Enter" || event.key === " ") {
      commands.select(addressOf(row), true);
      onEdit();
    } else if (event.key === "Escape") {
      refocus.current = true;
      commands.select(around(template, row.path), true);
    } else if (event.key === "/" && singleKeysOn()) document.querySelector<HTMLElement>("[data-add-block]")?.focus();
    else if (/^[dD]$/.test(event.key) && path && singleKeysOn()) {
      refocus.current = true;
      commands.duplicate(path);
    } else if ((event.key === "Delete" || event.key === "Backspace") && path) {
      refocus.current = true;
      commands.remove(path);
    } else return;
    event.preventDefault();
  };
  const onCopy = (event: ClipboardEvent, cut: boolean) => {
    if (selected?.kind !== "block") return;
    event.clipboardData.setData("text/plain", commands.copy(selected.path));
    event.preventDefault();
    if (!cut) return;
    refocus.current = true;
    commands.remove(selected.path);
  };
  const onPaste = (event: ClipboardEvent) => {
    event.preventDefault();
    refocus.current = true;
    if (!commands.paste(event.clipboardData.getData("text/plain"), selected?.path ?? null)) say(t("tree.nothingToPaste"));
  };
  const onDrop = (event: DragEvent, row: Row) => {
    event.preventDefault();
    const { list, index } = gapOf(template, row, sideAt(event, row));
    if (dragged && "path" in dragged) commands.move(dragged.path, list, index);
    else if (dragged) commands.add(dragged.type, { list, index });
    onDrag(null);
    setTarget(null);
  };
  const troubled = new Set(problems.flatMap((problem) => {
    const { block } = placeOfProblem(template, problem.pointer);
    return block ? [block.join("/")] : [];
  }));

  return (
    <ul
      className={classes["tree"]} role="tree" aria-label={t("tree.label")} ref={tree}
      onCopy={(event) => onCopy(event, false)} onCut={(event) => onCopy(event, true)} onPaste={onPaste}
    >
      {rows.map((row) => {
        const on = row === selected;
        const own = row.kind === "block" ? row.block : null;
        const mark = own && troubled.has(row.path.join("/")) ? "error" : own && warnings?.some((warning) => warning.location === own.id) ? "warning" : undefined;
        const forbidden = dragged !== null && "path" in dragged && isInside(row.path, dragged.path);
        const drop = target?.key === row.key && !forbidden ? target.side : undefined;
        return (
          <li key={row.key} role="none">
            <div
              role="treeitem" className={[classes["row"], row.kind === "slot" ? classes["slotRow"] : ""].join(" ")} data-drop={drop}
              tabIndex={row === stop ? 0 : -1} aria-selected={on} aria-level={row.depth + 1}
              aria-keyshortcuts={own ? `D Delete ${MOVE_KEYS}` : undefined}
              style={{ paddingInlineStart: 8 + row.depth * 14 }}
              draggable={own !== null}
              onDragStart={(event) => {
                event.dataTransfer.effectAllowed = "move";
                event.dataTransfer.setData("text/plain", rowTitle(row, t));
                onDrag({ path: row.path });
              }}
              onDragEnd={() => {
                onDrag(null);
                setTarget(null);
              }}
              onDragOver={(event) => {
                if (dragged === null || forbidden) return;
                event.preventDefault();
                setTarget({ key: row.key, side: sideAt(event, row) });
              }}
              onDrop={(event) => onDrop(event, row)}
              onClick={() => choose(row)}
              onDoubleClick={onEdit}
              onKeyDown={(event) => onKey(event, row)}
            >
              <BlockIcon name={row.kind === "block" ? row.block.type : row.slot} />
              <span className={classes["rowName"]}>{rowTitle(row, t)}</span>
              {row.kind === "slot" && row.empty && <span className={classes["rowTail"]}>{t("tree.empty")}</span>}
              {own && typeof own["when"] === "string" && own.type !== "if" && <span className={classes["rowTail"]}>{t("tree.sometimes")}</span>}
              {mark && <span className={classes["rowMark"]} data-level={mark} role="img" aria-label={t(`tree.${mark}`)} />}
              {own && on && <RowMenu path={row.path} onPasted={() => { refocus.current = true; }} />}
            </div>
          </li>
        );
      })}
    </ul>
  );
}

function RowMenu({ path, onPasted }: { path: Path; onPasted: () => void }) {
  const { t } = useTranslation("template");
  return (
    <Menu>
      <Menu.Target>
        <ActionIcon size={24} tabIndex={-1} aria-label={t("block_menu")} onClick={(event) => event.stopPropagation()}><Ellipsis size={15} /></ActionIcon>
      </Menu.Target>
      <BlockMenu path={path} onPasted={onPasted} />
    </Menu>
  );
}

/** What can be done with a block, wherever its menu opens. */
export function BlockMenu({ path, onPasted }: { path: Path; onPasted?: () => void }) {
  const { t } = useTranslation("template");
  const commands = useBlockCommands();
  const paste = async () => {
    // Not every browser gives what was copied to a menu; the keys always work.
    const text = await navigator.clipboard.readText().catch(() => "");
    if (commands.paste(text, path)) onPasted?.();
    else say(t("tree.nothingToPaste"));
  };
  return (
    <Menu.Dropdown onClick={(event) => event.stopPropagation()}>
      <Menu.Item leftSection={<ArrowUp size={14} />} rightSection={<kbd>{KEYS.up}</kbd>} onClick={() => commands.shift(path, -1)}>{t("tools.up")}</Menu.Item>
      <Menu.Item leftSection={<ArrowDown size={14} />} rightSection={<kbd>{KEYS.down}</kbd>} onClick={() => commands.shift(path, 1)}>{t("tools.down")}</Menu.Item>
      <Menu.Item leftSection={<CopyPlus size={14} />} rightSection={<kbd>{KEYS.duplicate}</kbd>} onClick={() => commands.duplicate(path)}>{t("tools.duplicate")}</Menu.Item>
      <Menu.Item leftSection={<Copy size={14} />} onClick={() => void navigator.clipboard.writeText(commands.copy(path))}>{t("tools.copy")}</Menu.Item>
      <Menu.Item leftSection={<ClipboardPaste size={14} />} onClick={() => void paste()}>{t("tools.paste")}</Menu.Item>
      <Menu.Divider />
      <Menu.Item leftSection={<Trash2 size={14} />} className="danger" rightSection={<kbd>{KEYS.remove}</kbd>} onClick={() => commands.remove(path)}>{t("tools.remove")}</Menu.Item>
    </Menu.Dropdown>
  );
}
