// One way out of a step, as a row of the tree: where it leads, and the twin of drawing a wire for those who do not drag.

import { Menu } from "@mantine/core";
import { ChevronDown, Plus } from "lucide-react";
import { useState } from "react";
import type { DragEventHandler, KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";

import type { Gap } from "~/lib/document/edits";
import { connect, disconnect, targets } from "~/lib/document/edits";
import type { Row } from "~/lib/document/lanes";
import { singleKeysOn } from "~/lib/keyboard";
import { useDocument, useEditor, useStore } from "../state/store";
import { KEYS } from "./keyNames";
import classes from "./list.module.css";

interface Drop {
  "data-drop": boolean;
  onDragOver: DragEventHandler;
  onDragLeave: DragEventHandler;
  onDrop: DragEventHandler;
}

interface InsideProps {
  row: Row & { kind: "inside" };
  gap: Gap;
  drop: Drop;
  onAdd: (gap: Gap) => void;
  onWalk: (key: string) => boolean;
}

/** The head of what lies in a step. */
export function InsideItem({ row, gap, drop, onAdd, onWalk }: InsideProps) {
  const { t } = useTranslation("editor");
  const onKey = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " " || (/^[aA+]$/.test(event.key) && singleKeysOn())) onAdd(gap);
    else if (!onWalk(event.key)) return;
    event.preventDefault();
  };
  return (
    <div
      role="treeitem" className={classes["way"]} data-inside={row.of} tabIndex={-1} aria-selected={false} aria-level={row.depth + 1}
      aria-label={row.empty ? t("list.insideEmpty") : t("list.inside")} aria-keyshortcuts="A Enter" onKeyDown={onKey} {...drop}
    >
      <span className={classes["wayDot"]} aria-hidden />
      <button type="button" tabIndex={-1} className={classes["wayTag"]} title={t("list.addInside")} onClick={() => onAdd(gap)}>{t("list.inside")}<Plus size={11} aria-hidden /></button>
      {row.empty && <span className={classes["wayEmpty"]}>{t("list.nothingInside")}</span>}
    </div>
  );
}

interface Props {
  row: Row & { kind: "way" };
  taken: boolean;
  drop: Drop;
  onAdd: (gap: Gap) => void;
  /** Arrow keys that leave this row; true when they led somewhere. */
  onWalk: (key: string) => boolean;
}

export function WayItem({ row, taken, drop, onAdd, onWalk }: Props) {
  const { t } = useTranslation("editor");
  const [open, setOpen] = useState(false);
  const gap = { after: row.from, port: row.port };
  const title = row.title || t("list.together");
  const rest = row.goes === "steps" ? null : t(row.goes === "below" ? "list.goesOn" : "list.ends");
  const onKey = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^[aA+]$/.test(event.key)) {
      if (!singleKeysOn()) return;
      onAdd(gap);
    } else if (event.key === "Enter" || event.key === " ") setOpen(true);
    else if (!onWalk(event.key)) return;
    event.preventDefault();
  };
  return (
    <div
      role="treeitem" className={[classes["way"], taken ? classes["wayTaken"] : ""].join(" ")} data-way={`${row.from}/${row.port}`} tabIndex={-1} aria-selected={false}
      aria-level={row.depth + 1} aria-label={rest ? t("list.wayTo", { way: title, where: rest }) : t("list.way", { way: title })} aria-keyshortcuts="A Enter" onKeyDown={onKey} {...drop}
    >
      <span className={classes["wayDot"]} aria-hidden />
      <Menu opened={open} onChange={setOpen} position="bottom-start" width={260}>
        <Menu.Target>
          <button type="button" tabIndex={-1} className={classes["wayTag"]}>{title}<ChevronDown size={11} aria-hidden /></button>
        </Menu.Target>
        <Menu.Dropdown aria-label={t("list.way", { way: title })}>
          <Menu.Item leftSection={<Plus size={14} />} rightSection={<kbd>{KEYS.add}</kbd>} onClick={() => onAdd(gap)}>{t("list.addInWay", { way: title })}</Menu.Item>
          <LeadsTo from={row.from} port={row.port} />
        </Menu.Dropdown>
      </Menu>
      {rest && (
        <span className={classes["wayEmpty"]}>
          {rest}
          <button type="button" tabIndex={-1} aria-hidden className={[classes["plus"], classes["wayAdd"]].join(" ")} title={t("list.addInWay", { way: title })} onClick={() => onAdd(gap)}><Plus size={12} aria-hidden /></button>
        </span>
      )}
    </div>
  );
}

/** The steps that a way may lead to, each on or off: what a wire is on the canvas. */
export function LeadsTo({ from, port }: { from: string; port: string }) {
  const { t } = useTranslation("editor");
  const store = useStore();
  const document = useDocument();
  const nodes = useEditor((state) => state.checked?.nodes);
  const able = targets(document, from).filter((id) => !nodes?.[id]?.trigger);
  if (able.length === 0) return null;
  const on = (to: string) => document.edges.some((edge) => edge.from === from && edge.port === port && edge.to === to);
  return (
    <>
      <Menu.Divider />
      <Menu.Label>{t("list.leadsTo")}</Menu.Label>
      {able.map((to) => {
        const edge = { from, port, to };
        return (
          <Menu.CheckboxItem
            key={to} checked={on(to)} closeMenuOnClick
            onChange={(next) => (next ? store.edit(t("label.connect"), (now) => connect(now, edge)) : store.edit(t("label.disconnect"), (now) => disconnect(now, edge)))}
          >
            {document.nodes.find((node) => node.id === to)?.name ?? to}
          </Menu.CheckboxItem>
        );
      })}
    </>
  );
}
