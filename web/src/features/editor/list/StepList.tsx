// The step list: the complete, accessible editor. A tree in running order, ways of a branch as indented lanes that join again.

import { ActionIcon, Menu, SegmentedControl, Tooltip, VisuallyHidden } from "@mantine/core";
import { Copy, CornerLeftUp, Ellipsis, List as ListIcon, Play, Plus, Trash2, Workflow as Canvas } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import type { KeyboardEvent, ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Gap } from "~/lib/document/edits";
import { lanes } from "~/lib/document/lanes";
import type { Row } from "~/lib/document/lanes";
import type { WorkflowNode } from "~/lib/document/types";
import { singleKeysOn } from "~/lib/keyboard";
import { useAddress } from "../address";
import { useCommands } from "../commands";
import { StepIcon } from "../icons";
import { useEditor, useDocument, usePorts } from "../state/store";
import { useStale } from "../state/useStale";
import { useCardText } from "./cardText";
import { KEYS } from "./keyNames";
import { StateMark } from "./StateMark";
import { InsideItem, LeadsTo, WayItem } from "./WayItem";
import classes from "./list.module.css";

export function ViewSwitch() {
  const { t } = useTranslation("editor");
  const [address, go] = useAddress();
  const label = (icon: ReactNode, text: string) => <span style={{ display: "inline-flex", gap: 6, alignItems: "center" }}>{icon}{text}</span>;
  return (
    <SegmentedControl
      aria-label={t("view.label")}
      data={[
        { value: "list", label: label(<ListIcon size={14} aria-hidden />, t("view.list")) },
        { value: "canvas", label: label(<Canvas size={14} aria-hidden />, t("view.canvas")) },
      ]}
      value={address.view}
      onChange={(view) => go({ view: view as "list" | "canvas" })}
    />
  );
}

interface Props {
  onAdd: (gap: Gap) => void;
  onRunTo: (step: string) => void;
  foot: ReactNode;
}

export function StepList({ onAdd, onRunTo, foot }: Props) {
  const { t } = useTranslation("editor");
  const document = useDocument();
  const ports = usePorts();
  const [address, go] = useAddress();
  const commands = useCommands();
  const tree = useRef<HTMLUListElement>(null);
  const [dragged, setDragged] = useState<string | null>(null);
  const [target, setTarget] = useState<string | null>(null);
  const checked = useEditor((state) => state.checked);
  const rows = useMemo(() => lanes(document, ports, (id) => Boolean(checked?.nodes[id]?.inside)), [document, ports, checked]);
  const steps = useMemo(() => rows.filter((row) => row.kind === "step"), [rows]);
  // What the arrows walk: steps, and the ways out of those that have several.
  const walk = useMemo(() => rows.filter((row) => row.kind === "step" || row.kind === "way" || row.kind === "inside"), [rows]);
  const fired = useEditor((state) => state.results);
  const selected = address.step ?? steps[0]?.id;
  const nodes = useMemo(() => new Map(document.nodes.map((node) => [node.id, node])), [document]);

  const select = (id: string) => go({ step: id, field: undefined, surface: undefined });
  const focus = (row: Row | string | undefined | null) => {
    if (!row) return;
    const id = typeof row === "string" ? row : row.kind === "step" ? row.id : null;
    if (id !== null) select(id);
    const place = typeof row === "object" && row.kind === "way" ? `[data-way="${CSS.escape(`${row.from}/${row.port}`)}"]`
      : typeof row === "object" && row.kind === "inside" ? `[data-inside="${CSS.escape(row.of)}"]` : `[data-step="${CSS.escape(id ?? "")}"]`;
    tree.current?.querySelector<HTMLElement>(place)?.focus();
  };
  /** Up, down, to the ends, out of a way and into it. */
  const walkFrom = (row: Row & { kind: "step" | "way" | "inside" }, key: string): boolean => {
    const at = walk.indexOf(row);
    const next = {
      ArrowDown: walk[at + 1], ArrowUp: walk[at - 1], Home: walk[0], End: walk.at(-1),
      ArrowLeft: row.kind === "way" ? row.from : row.kind === "inside" ? row.of : walk.slice(0, at).findLast((other) => other.depth === row.depth && ((other.kind === "way" && other.from === row.parent) || (other.kind === "inside" && other.of === row.parent))),
      ArrowRight: walk[at + 1] && (walk[at + 1]?.depth ?? 0) >= row.depth && (row.kind !== "step" || walk[at + 1]?.kind !== "step") ? walk[at + 1] : undefined,
    }[key];
    focus(next);
    return /^(Arrow(Up|Down|Left|Right)|Home|End)$/.test(key);
  };
  const gapAfter = (id: string): Gap => ({ after: id, port: ports(id)[0]?.name ?? "out" });

  const onKey = (event: KeyboardEvent, row: Row & { kind: "step" }) => {
    if (event.target !== event.currentTarget) return;
    const { key } = event;
    if (event.ctrlKey || event.metaKey) return;
    if (event.altKey && (key === "ArrowUp" || key === "ArrowDown")) commands.shift(row.id, key === "ArrowUp" ? -1 : 1);
    else if (event.altKey) return;
    else if (walkFrom(row, key)) void 0;
    else if (key === "Enter" || key === " ") {
      select(row.id);
      globalThis.document.querySelector<HTMLElement>("[data-region=inspector] [role=tab][aria-selected=true]")?.focus();
    } else if (/^[adAD+]$/.test(key) && !singleKeysOn()) return;
    else if (key === "a" || key === "A" || key === "+") onAdd(gapAfter(row.id));
    else if (key === "d" || key === "D") commands.duplicate(row.id);
    else if (key === "Delete" || key === "Backspace") commands.remove(row.id);
    else return;
    event.preventDefault();
  };

  const drop = (gap: Gap) => {
    if (dragged) commands.move(dragged, gap);
    setDragged(null);
    setTarget(null);
  };
  const dropProps = (gap: Gap) => {
    const name = gapName(gap);
    return {
      "data-drop": target === name,
      onDragOver: (event: React.DragEvent) => {
        if (!dragged) return;
        event.preventDefault();
        setTarget(name);
      },
      onDragLeave: () => setTarget((now) => (now === name ? null : now)),
      onDrop: (event: React.DragEvent) => {
        event.preventDefault();
        drop(gap);
      },
    };
  };
  // For the pointer; the key A does the same on any row.
  const plus = (gap: Gap) => (
    <button type="button" tabIndex={-1} aria-hidden className={classes["plus"]} title={t("list.addHere")} onClick={() => onAdd(gap)}><Plus size={12} aria-hidden /></button>
  );

  return (
    <>
      <div className={classes["scroll"]}>
        <ul className={classes["tree"]} role="tree" aria-label={t("list.title")} ref={tree}>
          {rows.map((row) => {
            const indent = row.depth > 0 ? { marginInlineStart: (row.depth - 1) * 11 + 6 } : undefined;
            const lane = row.depth > 0 ? classes["lane"] : undefined;
            if (row.kind === "step") {
              const node = nodes.get(row.id);
              if (!node) return null;
              return (
                <li key={row.id} role="none" className={lane} style={indent}>
                  {row.gap && row.number > 1 && (
                    <div className={[classes["gap"], target === gapName(row.gap) ? classes["gapDrop"] : ""].join(" ")} {...dropProps(row.gap)}>
                      {plus(row.gap)}
                    </div>
                  )}
                  {!row.gap && row.number > 1 && <div className={classes["gap"]} />}
                  <div
                    role="treeitem" className={classes["item"]} data-step={row.id} tabIndex={row.id === selected ? 0 : -1}
                    aria-selected={row.id === selected} aria-level={row.depth + 1}
                    aria-keyshortcuts="A D Delete Alt+ArrowUp Alt+ArrowDown"
                    draggable
                    onDragStart={(event) => {
                      event.dataTransfer.effectAllowed = "move";
                      event.dataTransfer.setData("text/plain", node.name);
                      setDragged(row.id);
                    }}
                    onDragEnd={() => setDragged(null)}
                    onClick={() => select(row.id)}
                    onKeyDown={(event) => onKey(event, row)}
                  >
                    <StepCard node={node} number={row.number} menu={row.id === selected ? (
                      <StepMenu id={row.id} onAdd={() => onAdd(gapAfter(row.id))} onRunTo={() => onRunTo(row.id)} />
                    ) : null} />
                  </div>
                </li>
              );
            }
            if (row.kind === "way") {
              return (
                <li key={`${row.from}/${row.port}/${row.depth}/${row.title}`} role="none" className={lane} style={indent}>
                  <WayItem
                    row={row} taken={fired[row.from]?.step.ports?.includes(row.port) ?? false} drop={dropProps({ after: row.from, port: row.port })}
                    onAdd={onAdd} onWalk={(key) => walkFrom(row, key)}
                  />
                </li>
              );
            }
            if (row.kind === "inside") {
              const gap: Gap = { after: null, port: "out", inside: row.of };
              return (
                <li key={`${row.of}/inside`} role="none" className={lane} style={indent}>
                  <InsideItem row={row} gap={gap} drop={dropProps(gap)} onAdd={onAdd} onWalk={(key) => walkFrom(row, key)} />
                </li>
              );
            }
            if (row.kind === "joins") {
              return (
                <li key={`${row.from}/${row.port}/joins`} role="none" className={[lane, classes["joins"]].join(" ")} style={indent}>
                  <CornerLeftUp size={13} aria-hidden />{t("list.joins", { name: nodes.get(row.id)?.name ?? row.id })}
                </li>
              );
            }
            return null;
          })}
        </ul>
        {document.nodes.length === 0 && <p style={{ color: "var(--text3)", padding: "8px 4px" }}>{t("list.empty")}</p>}
        <button type="button" className={classes["add"]} onClick={() => onAdd(lastGap(steps, ports))}>
          <span className={classes["addRing"]}><Plus size={13} aria-hidden /></span>{t("list.add")}
        </button>
      </div>
      {foot}
    </>
  );
}

function gapName(gap: Gap): string {
  return `${gap.inside ?? gap.after ?? ""}/${gap.after === null ? "" : gap.port}`;
}

function lastGap(steps: ReadonlyArray<Row & { kind: "step" }>, ports: (id: string) => Array<{ name: string }>): Gap {
  const last = steps.filter((row) => row.depth === 0).at(-1) ?? steps.at(-1);
  return last ? { after: last.id, port: ports(last.id)[0]?.name ?? "out" } : { after: null, port: "out" };
}

export function StepCard({ node, number, menu }: { node: WorkflowNode; number: number; menu: ReactNode }) {
  const { t } = useTranslation("editor");
  const card = useCardText(node);
  const stale = useStale().has(node.id);
  const off = useEditor((state) => state.results[node.id]?.step.state === "skipped");
  return (
    <div className={[classes["card"], off ? classes["off"] : "", stale && !off ? classes["stale"] : ""].join(" ")}>
      <div className={classes["top"]}>
        <VisuallyHidden>{t("list.place")}</VisuallyHidden>
        <span className={classes["number"]}>{number}</span>
        <StepIcon family={card.known?.family ?? null} icon={card.icon} />
        <div className={classes["names"]}>
          <div className={classes["name"]}>{node.name}</div>
          <div className={classes["fact"]}>{card.fact && card.title !== node.name ? `${card.title} · ${card.fact}` : card.fact || card.title}</div>
        </div>
        <span className={classes["state"]}><StateMark step={node.id} />{menu}</span>
      </div>
      {card.well.length > 0 && (
        <div className={classes["well"]}>
          {card.well.map((line, index) => (
            <div className={classes["line"]} key={index}>
              <span className={classes["lineText"]}>{line.text || (card.well.length > 1 ? t("list.otherwise") : "")}</span>
              {line.trailing && <span className={classes["trailing"]}>{line.trailing}</span>}
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

export function StepMenu({ id, onAdd, onRunTo }: { id: string; onAdd: () => void; onRunTo: () => void }) {
  const { t } = useTranslation("editor");
  const commands = useCommands();
  const ports = usePorts()(id);
  return (
    <Menu>
      <Menu.Target>
        <Tooltip label={t("list.more")}>
          <ActionIcon size={24} aria-label={t("list.more")} onClick={(event) => event.stopPropagation()}><Ellipsis size={15} /></ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown onClick={(event) => event.stopPropagation()}>
        <Menu.Item leftSection={<Plus size={14} />} rightSection={<kbd>{KEYS.add}</kbd>} onClick={onAdd}>{t("list.addAfter")}</Menu.Item>
        <Menu.Item leftSection={<Play size={14} />} onClick={onRunTo}>{t("run.toHere")}</Menu.Item>
        <Menu.Item leftSection={<Copy size={14} />} rightSection={<kbd>{KEYS.duplicate}</kbd>} onClick={() => commands.duplicate(id)}>{t("list.duplicate")}</Menu.Item>
        <Menu.Item onClick={() => commands.shift(id, -1)} rightSection={<kbd>{KEYS.up}</kbd>}>{t("list.up")}</Menu.Item>
        <Menu.Item onClick={() => commands.shift(id, 1)} rightSection={<kbd>{KEYS.down}</kbd>}>{t("list.down")}</Menu.Item>
        {ports.length === 1 && ports[0] && <LeadsTo from={id} port={ports[0].name} />}
        <Menu.Divider />
        <Menu.Item leftSection={<Trash2 size={14} />} className="danger" rightSection={<kbd>{KEYS.remove}</kbd>} onClick={() => commands.remove(id)}>{t("list.remove")}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
