// The pages as the real engine draws them. A click on a word edits it where it stands, a click beside it chooses the block.

import { ActionIcon, Loader, Menu, SegmentedControl, Tooltip } from "@mantine/core";
import { ArrowDown, ArrowUp, ChevronLeft, ChevronRight, CopyPlus, GripVertical, Plus, Trash2, TriangleAlert, X, Zap, ZoomIn, ZoomOut } from "lucide-react";
import { useEffect, useId, useState } from "react";
import type { CSSProperties, DragEvent, HTMLAttributes, KeyboardEvent, MouseEvent, ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { PreviewBox, PreviewPage, PreviewText } from "~/api/types";
import { getAt, sameJson } from "~/lib/document/pointer";
import type { Path } from "~/lib/document/pointer";
import { useFormat } from "~/lib/format";
import { blockAt, blocksOf, pathOf, placeOf } from "~/lib/template/blocks";
import { dropAt } from "~/lib/template/drop";
import type { Drop, Rect } from "~/lib/template/drop";
import { KINDS } from "~/lib/template/members";
import { caretAt, pathOfPointer } from "~/lib/template/places";
import { PageImage } from "~/ui/PageImage";
import { TemplateField } from "../chips/TemplateField";
import type { Dragged } from "./BlockTree";
import { ColumnBorders } from "./ColumnBorders";
import { MOVE_KEYS, movesOf, useBlockCommands, useChoice, useSourcesAt } from "./commands";
import { BlockIcon } from "./icons";
import { memberLabel } from "./inspector/labels";
import { useTemplate, useTemplateState, useTemplateStore } from "./state";
import { blockTitle, kindName, standing } from "./words";
import surfaces from "../surfaces/surfaces.module.css";
import classes from "./template.module.css";

/** A text that is edited where it stands. */
interface Editing {
  page: number;
  block: string;
  leaf: string;
  /** Where it was clicked, for the one of several that show the same text. */
  spot: PreviewText;
  caret: number;
}

const USUAL_WIDTH = 594;
const SLACK_MM = 0.8;

const holds = (rect: Rect, x: number, y: number, slack: number) =>
  x >= rect.x_mm - slack && x <= rect.x_mm + rect.width_mm + slack && y >= rect.y_mm - slack && y <= rect.y_mm + rect.height_mm + slack;

/** The smallest of what lies under a point. */
function under<T extends Rect>(rects: readonly T[], x: number, y: number, slack = 0): T | undefined {
  return rects.filter((rect) => holds(rect, x, y, slack)).toSorted((a, b) => a.width_mm * a.height_mm - b.width_mm * b.height_mm)[0];
}

interface Props {
  name: string;
  dragged: Dragged;
  onDrag: (dragged: Dragged) => void;
}

export function Pages({ name, dragged, onDrag }: Props) {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const format = useFormat();
  const preview = useTemplateState((state) => state.preview);
  const drawing = useTemplateState((state) => state.drawing);
  const error = useTemplateState((state) => state.error);
  const choice = useChoice();
  const [marks, setMarks] = useState(true);
  const [zoom, setZoom] = useState(1);
  const [shown, setShown] = useState(1);
  const [editing, setEditing] = useState<Editing | null>(null);
  const [moved, setMoved] = useState("");
  const chosen = choice.block?.id;
  const count = preview?.pages.length ?? 1;
  const number = Math.min(shown, count);
  useEffect(() => {
    if (chosen) document.querySelector(`[data-block-box="${CSS.escape(chosen)}"]`)?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  const goTo = (page: number) => {
    setShown(page);
    document.getElementById(`page-${page}`)?.scrollIntoView({ block: "start" });
  };
  // A text that is chosen no more is edited no more.
  const open = editing && editing.block === chosen && marks ? editing : null;
  const first = preview?.pages.findIndex((page) => page.boxes.some((box) => box.block === chosen && box.origin === null)) ?? -1;
  return (
    <section className={surfaces["middle"]} aria-label={t("pages.label")} data-region="middle" tabIndex={-1}>
      <div className={surfaces["bar"]}>
        <SegmentedControl
          aria-label={t("pages.view")} value={marks ? "edit" : "print"} onChange={(next) => setMarks(next === "edit")}
          data={[{ value: "edit", label: t("pages.edit") }, { value: "print", label: t("pages.print") }]}
        />
        <span className={surfaces["spacer"]} />
        {preview && <span className={classes["took"]}><Zap size={13} aria-hidden />{t("pages.drawn", { time: format.duration(preview.took_ms) })}</span>}
        <div className={surfaces["pager"]}>
          <ActionIcon className={surfaces["zoom"]} size={24} aria-label={t("pages.smaller")} disabled={zoom <= 0.5} onClick={() => setZoom(zoom - 0.25)}><ZoomOut size={14} /></ActionIcon>
          <ActionIcon className={surfaces["zoom"]} size={24} aria-label={t("pages.larger")} disabled={zoom >= 2} onClick={() => setZoom(zoom + 0.25)}><ZoomIn size={14} /></ActionIcon>
          <ActionIcon size={24} aria-label={t("pages.previous")} disabled={number <= 1} onClick={() => goTo(number - 1)}><ChevronLeft size={15} /></ActionIcon>
          <span aria-live="polite">{number} / {count}</span>
          <ActionIcon size={24} aria-label={t("pages.next")} disabled={number >= count} onClick={() => goTo(number + 1)}><ChevronRight size={15} /></ActionIcon>
        </div>
      </div>
      <div className={[surfaces["desk"], classes["desk"]].join(" ")} aria-busy={drawing}>
        {error && <div className={[surfaces["note"], surfaces["noteErr"]].join(" ")} role="alert">{error}</div>}
        {!preview && !error && (
          <div className={[surfaces["paper"], surfaces["blank"]].join(" ")} role="status" aria-label={t("app:common.loading")}>
            {[62, 38, 0, 90, 84, 88, 40, 0, 90, 76].map((width, index) => <div key={index} style={{ inlineSize: `${width}%` }} />)}
            {drawing && <Loader size={16} />}
          </div>
        )}
        {preview?.pages.map((page, index) => (
          <Sheet
            key={index} page={page} number={index + 1} name={name} zoom={zoom} marks={marks} tools={index === first}
            onEdit={setEditing} editing={open?.page === index ? open : null}
            dragged={dragged} onDrag={onDrag} onMoved={(block) => setMoved(standing(store.document, block, t))}
          />
        ))}
        <div className="visually-hidden" role="status">{moved}</div>
        <Troubles />
      </div>
    </section>
  );
}

/** Below the pages: that they are not what the template says now. */
function Troubles() {
  const { t } = useTranslation("template");
  const problems = useTemplateState((state) => state.problems);
  if (problems.length === 0) return null;
  return <div className={[surfaces["note"], surfaces["noteWarn"]].join(" ")}><TriangleAlert size={15} aria-hidden />{t("pages.old", { count: problems.length })}</div>;
}

interface SheetProps {
  page: PreviewPage;
  number: number;
  name: string;
  zoom: number;
  marks: boolean;
  tools: boolean;
  editing: Editing | null;
  onEdit: (editing: Editing | null) => void;
  dragged: Dragged;
  onDrag: (dragged: Dragged) => void;
  onMoved: (block: string) => void;
}

function place(rect: Rect, page: PreviewPage): CSSProperties {
  const percent = (value: number, whole: number) => `${(value / whole) * 100}%`;
  return {
    left: percent(rect.x_mm, page.width_mm), top: percent(rect.y_mm, page.height_mm),
    width: percent(rect.width_mm, page.width_mm), height: percent(rect.height_mm, page.height_mm),
  };
}

function Sheet({ page, number, name, zoom, marks, tools, editing, onEdit, dragged, onDrag, onMoved }: SheetProps) {
  const { t } = useTranslation("template");
  const template = useTemplate();
  const commands = useBlockCommands();
  const choice = useChoice();
  const id = useId();
  const [reached, setReached] = useState(0);
  const [target, setTarget] = useState<{ of: Dragged; drop: Drop | null }>({ of: null, drop: null });
  const blocks = page.boxes.filter((box) => box.origin === null);
  const titles = new Map(blocksOf(template).map(({ block }) => [block.id, `${kindName(block.type, t)} ${blockTitle(block, t)}`]));
  const chosen = choice.block?.id;
  // What is chosen stays where the arrows are, wherever it has moved to.
  const chosenAt = blocks.findIndex((box) => box.block === chosen);
  const active = chosenAt < 0 || blocks[reached]?.block === chosen ? reached : chosenAt;

  const pointOn = (event: MouseEvent): [x: number, y: number] => {
    const sheet = event.currentTarget.getBoundingClientRect();
    return [((event.clientX - sheet.left) / sheet.width) * page.width_mm, ((event.clientY - sheet.top) / sheet.height) * page.height_mm];
  };
  const edit = (text: PreviewText, share: number) => {
    const source = getAt(template, pathOfPointer(text.leaf));
    commands.select(text.block);
    if (typeof source !== "string") return;
    onEdit({ page: number - 1, block: text.block, leaf: text.leaf, spot: text, caret: caretAt(source, text.start, text.end, share) });
  };
  const onClick = (event: MouseEvent) => {
    const [x, y] = pointOn(event);
    const text = under(page.texts, x, y, SLACK_MM);
    if (text) {
      edit(text, (x - text.x_mm) / Math.max(0.1, text.width_mm));
      return;
    }
    onEdit(null);
    commands.select(under(blocks, x, y)?.block);
  };
  const moveBy = (event: KeyboardEvent, block: string | undefined) => {
    const path = block === undefined ? null : pathOf(template, block);
    const move = event.altKey && path ? movesOf(commands, path)[event.key] : undefined;
    if (block === undefined || !move) return;
    event.preventDefault();
    move();
    commands.select(block, true);
    onMoved(block);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.altKey) {
      moveBy(event, blocks[active]?.block);
      return;
    }
    const last = blocks.length - 1;
    const goes: Record<string, number> = { ArrowDown: active + 1, ArrowRight: active + 1, ArrowUp: active - 1, ArrowLeft: active - 1, Home: 0, End: last };
    const next = goes[event.key];
    const box: PreviewBox | undefined = blocks[active];
    if (next !== undefined) {
      const at = Math.max(0, Math.min(last, next));
      setReached(at);
      document.getElementById(`${id}-${at}`)?.scrollIntoView({ block: "nearest" });
      commands.select(blocks[at]?.block, true);
    } else if ((event.key === "Enter" || event.key === " ") && box) {
      const text = page.texts.find((one) => one.block === box.block && holds(box, one.x_mm + one.width_mm / 2, one.y_mm + one.height_mm / 2, SLACK_MM));
      if (text) edit(text, 1);
      else commands.select(box.block, true);
    } else if (event.key === "Escape") commands.select(undefined, true);
    else return;
    event.preventDefault();
  };
  const handle = {
    draggable: !editing,
    onDragStart: (event: DragEvent) => {
      if (!choice.path) return;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", titles.get(chosen ?? "") ?? "");
      onDrag({ path: choice.path });
    },
    onDragEnd: () => onDrag(null),
  };
  const dropOn = (event: DragEvent) => (dragged && marks ? dropAt(template, { ...page, boxes: blocks }, ...pointOn(event), "path" in dragged ? dragged.path : null) : null);
  const onDragOver = (event: DragEvent) => {
    const drop = dropOn(event);
    if (drop) event.preventDefault();
    if (target.of !== dragged || !sameJson(target.drop, drop)) setTarget({ of: dragged, drop });
  };
  const onDrop = (event: DragEvent) => {
    const drop = dropOn(event);
    if (!dragged || !drop) return;
    event.preventDefault();
    onDrag(null);
    if ("type" in dragged) {
      commands.add(dragged.type, drop);
      return;
    }
    const block = blockAt(template, dragged.path);
    commands.move(dragged.path, drop.list, drop.index);
    if (!block) return;
    commands.select(block.id, true);
    onMoved(block.id);
  };
  const line = dragged && target.of === dragged ? target.drop?.line : undefined;
  const own = blocks.filter((box) => box.block === chosen);
  const [first] = own;
  return (
    <section
      id={`page-${number}`} className={[surfaces["paper"], classes["sheet"]].join(" ")} aria-label={t("pages.number", { number })}
      style={{ aspectRatio: `${page.width_mm} / ${page.height_mm}`, ...(zoom === 1 ? {} : { inlineSize: USUAL_WIDTH * zoom }) }}
      onDragOver={onDragOver} onDrop={onDrop}
      onDragLeave={(event) => {
        if (!(event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget))) setTarget({ of: null, drop: null });
      }}
    >
      <PageImage page={page} alt={t("pages.alt", { name, number })} />
      <p className="visually-hidden">{page.text}</p>
      {marks && (
        <>
          {/* One stop for the keyboard: blocks by the arrows, Enter edits the words of one. */}
          <div
            role="listbox" tabIndex={0} className={classes["boxes"]} aria-label={t("pages.blocks", { number })} onClick={onClick} onKeyDown={onKey}
            aria-activedescendant={blocks[active] ? `${id}-${active}` : undefined} aria-keyshortcuts={MOVE_KEYS} aria-description={t("pages.move")}
          >
            {blocks.map((box, index) => (
              <div
                role="option" key={index} id={`${id}-${index}`} aria-selected={box.block === chosen} aria-label={titles.get(box.block) ?? box.block} data-block-box={box.block}
                className={[classes["box"], box.block === chosen ? classes["boxChosen"] : "", active === index ? classes["boxActive"] : ""].join(" ")} style={place(box, page)}
                {...(box.block === chosen ? handle : {})}
              />
            ))}
          </div>
          {first && choice.path && !editing && (
            <Tools
              at={place(first, page)} title={titles.get(first.block) ?? ""} path={choice.path} visible={tools} handle={handle}
              onKeyDown={(event) => moveBy(event, first.block)}
            />
          )}
          {line && <div className={classes["drop"]} data-drop style={place({ ...line, height_mm: 0 }, page)} aria-hidden />}
          {!editing && own.map((box, index) => <ColumnBorders key={index} page={page} box={box} choice={choice} focusable={tools && index === 0} />)}
          {editing && <PlaceEditor key={`${editing.leaf}/${editing.caret}`} editing={editing} page={page} onClose={() => onEdit(null)} />}
        </>
      )}
    </section>
  );
}

interface ToolsProps {
  at: CSSProperties;
  title: string;
  path: Path;
  visible: boolean;
  /** What makes an element one that the block is dragged by. */
  handle: HTMLAttributes<HTMLElement>;
  onKeyDown: (event: KeyboardEvent) => void;
}

/** In the margin beside the chosen block, so that they hide nothing of the page. */
function Tools({ at, title, path, visible, handle, onKeyDown }: ToolsProps) {
  const { t } = useTranslation("template");
  const commands = useBlockCommands();
  const { list, index } = placeOf(path);
  const tool = (label: string, icon: ReactNode, run: () => void, key?: string) => (
    <Tooltip label={label} position="right"><ActionIcon size={28} aria-label={`${label}: ${title}`} aria-keyshortcuts={key} onClick={run}>{icon}</ActionIcon></Tooltip>
  );
  return (
    <>
      <span className={classes["tag"]} style={{ left: at.left, top: at.top }} title={t("pages.move")} {...handle} aria-hidden><GripVertical size={11} />{title}</span>
      {visible && (
        <>
          <div className={classes["tools"]} style={{ top: at.top }} role="toolbar" aria-orientation="vertical" aria-label={t("tools.label", { name: title })} onKeyDown={onKeyDown}>
            {tool(t("tools.up"), <ArrowUp size={15} />, () => commands.shift(path, -1), "Alt+ArrowUp")}
            {tool(t("tools.down"), <ArrowDown size={15} />, () => commands.shift(path, 1), "Alt+ArrowDown")}
            {tool(t("tools.duplicate"), <CopyPlus size={15} />, () => commands.duplicate(path))}
            {tool(t("tools.remove"), <Trash2 size={15} />, () => commands.remove(path))}
          </div>
          <div className={classes["insert"]} style={{ left: at.left, width: at.width, top: `calc(${String(at.top)} + ${String(at.height)})` }}>
            <Menu>
              <Menu.Target><button type="button" className={classes["insertButton"]} aria-label={t("tools.insert", { name: title })}><Plus size={13} aria-hidden /></button></Menu.Target>
              <Menu.Dropdown mah={320} style={{ overflow: "auto" }}>
                {KINDS.map((kind) => (
                  <Menu.Item key={kind} leftSection={<BlockIcon name={kind} size={14} />} onClick={() => commands.add(kind, { list, index: index + 1 })}>{kindName(kind, t)}</Menu.Item>
                ))}
              </Menu.Dropdown>
            </Menu>
          </div>
        </>
      )}
    </>
  );
}

/** The text with its values, over the words that show it. */
function PlaceEditor({ editing, page, onClose }: { editing: Editing; page: PreviewPage; onClose: () => void }) {
  const { t } = useTranslation("template");
  const template = useTemplate();
  const commands = useBlockCommands();
  const path = pathOfPointer(editing.leaf);
  const sources = useSourcesAt(path);
  const source = getAt(template, path);
  const away = (text: PreviewText) => Math.abs(text.x_mm - editing.spot.x_mm) + Math.abs(text.y_mm - editing.spot.y_mm);
  const spot = page.texts.filter((text) => text.leaf === editing.leaf).toSorted((a, b) => away(a) - away(b))[0] ?? editing.spot;
  if (typeof source !== "string") return null;
  const label = memberLabel(path, t);
  const { left, top } = place(spot, page);
  return (
    <div
      className={classes["place"]} role="group" aria-label={t("place.label", { what: label })} style={{ left: `min(${String(left)}, calc(100% - 300px))`, top }}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || event.defaultPrevented) return;
        event.preventDefault();
        onClose();
        document.querySelector<HTMLElement>("[role=treeitem][tabindex='0']")?.focus();
      }}
    >
      <TemplateField
        label={label} value={source} sources={sources} size={source.includes("\n") || path.at(-1) === "text" ? "text" : "line"} caret={editing.caret}
        heading={<span className={classes["placeHead"]}><b>{label}</b><ActionIcon size={24} aria-label={t("place.close")} onClick={onClose}><X size={14} /></ActionIcon></span>}
        onChange={(value) => commands.write(path, value, label)}
      />
    </div>
  );
}
