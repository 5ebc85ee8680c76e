/* The rows as a small spreadsheet: one stop for Tab, arrow keys between cells, editors by kind. Only what is in sight is drawn. */
import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp, Check, ChevronDown, Ellipsis, KeyRound, TriangleAlert, X } from "lucide-react";
import { type ClipboardEvent, type CSSProperties, type KeyboardEvent, type PointerEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { CellEditor } from "./CellEditor";
import { openedText, readBlock, shownText, writeBlock, yesNo } from "./cells";
import type { View } from "./rows";
import classes from "./tables.module.css";
import { type Column, type Row, titleOf } from "./types";

const ROW_PX = 34;
/** Row of the headings, column of the row numbers. */
const HEAD = -1;

export interface Place {
  row: number;
  column: number;
}

export interface Bad {
  /** What cannot be read; without it, what was typed stands in the cell. */
  text?: string;
  problem: string;
}

export interface Menu {
  kind: "row" | "column";
  index: number;
  at: { x: number; y: number };
}

interface Props {
  name: string;
  columns: readonly Column[];
  nameColumn: string | null;
  rows: readonly Row[];
  /** Rows that are not saved yet, with the columns they still need. */
  drafts: ReadonlyMap<string, string[]>;
  /** What was typed and the server has not taken yet, by row and column; it stands over what is known of the cell. */
  typed: ReadonlyMap<string, unknown>;
  /** What was typed and is not saved, by row and column. */
  bad: ReadonlyMap<string, Bad>;
  locale: string;
  sort: View["sort"];
  active: Place;
  setActive: (place: Place) => void;
  anchor: Place | null;
  setAnchor: (place: Place | null) => void;
  /** By ids: rows can come and go above while a cell is edited. `seen` is the row as it was when the cell was opened. */
  commit: (row: string, column: Column, typed: unknown, seen: Row) => void;
  clear: (from: Place, to: Place) => void;
  paste: (at: Place, block: string[][]) => void;
  openMenu: (menu: Menu) => void;
  /** Down from the last row. */
  addRow: () => void;
  undo: (() => void) | null;
  redo: (() => void) | null;
}

const WIDTHS: Record<string, number> = { text: 220, integer: 110, decimal: 120, money: 150, date: 140, yes_no: 100, choice: 160 };

export const cellKey = (row: string, column: string) => `${row}/${column}`;

/** The rectangle between two places. */
export function block(a: Place, b: Place): [Place, Place] {
  return [
    { row: Math.min(a.row, b.row), column: Math.min(a.column, b.column) },
    { row: Math.max(a.row, b.row), column: Math.max(a.column, b.column) },
  ];
}

export function Grid(props: Props) {
  const { columns, rows, active, setActive, anchor, setAnchor, locale } = props;
  const { t } = useTranslation("tables");
  const id = useId();
  const scroll = useRef<HTMLDivElement>(null);
  /** `held` is what stood in the cell; `null`: it is to be sent even as it is. */
  const [editing, setEditing] = useState<{ row: string; column: string; text: string; held: string | null; seen: Row } | null>(null);
  const edited = editing === null ? -1 : rows.findIndex((row) => row.id === editing.row);
  // eslint-disable-next-line react-hooks/incompatible-library -- the virtualizer is read in this component only
  const virtual = useVirtualizer({
    count: rows.length, getScrollElement: () => scroll.current, estimateSize: () => ROW_PX, overscan: 12, scrollPaddingStart: ROW_PX,
    // Scrolled out of sight, the row that is edited would lose what was typed.
    rangeExtractor: (range) => {
      const drawn = defaultRangeExtractor(range);
      return edited < 0 || drawn.includes(edited) ? drawn : [...drawn, edited].sort((a, b) => a - b);
    },
  });
  const [from, to] = block(anchor ?? active, active);
  const columnAt = (index: number) => columns[index];
  const cellId = (place: Place) => `${id}-${place.row}-${place.column}`;

  // The active cell is always in sight, and so always drawn.
  useEffect(() => {
    if (active.row > HEAD && active.row < rows.length) virtual.scrollToIndex(active.row, { align: "auto" });
    document.getElementById(`${id}-${active.row}-${active.column}`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [active.row, active.column, id, rows.length, virtual]);

  const focus = () => scroll.current?.focus({ preventScroll: true });
  const go = (row: number, column: number, extend = false) => {
    const place = { row: Math.max(HEAD, Math.min(row, rows.length - 1)), column: Math.max(HEAD, Math.min(column, columns.length - 1)) };
    setAnchor(extend ? (anchor ?? active) : null);
    setActive(place);
  };

  const begin = (place: Place, text?: string) => {
    const [row, column] = [rows[place.row], columnAt(place.column)];
    if (row === undefined || column === undefined) return;
    if (column.kind === "yes_no" && text !== undefined) {
      const said = yesNo(text);
      if (said !== null) props.commit(row.id, column, said, row);
      return;
    }
    const typed = props.typed.get(cellKey(row.id, column.name));
    if (column.kind === "yes_no") {
      const cell = typed === undefined ? row.cells[column.name] : typed;
      const next = cell === true ? false : cell === false ? (column.optional ? null : true) : true;
      props.commit(row.id, column, next, row);
      return;
    }
    const bad = props.bad.get(cellKey(row.id, column.name));
    const held = bad?.text ?? openedText(column, row.cells[column.name], typed, locale);
    // A date is picked, a choice is chosen: a letter cannot begin them.
    const starts = text !== undefined && column.kind !== "date" && column.kind !== "choice";
    setEditing({ row: row.id, column: column.name, text: starts ? text : held, held: bad ? null : held, seen: row });
  };

  const end = (typed: string | null, move: "down" | "right" | "left" | null) => {
    const edited = editing;
    setEditing(null);
    focus();
    const column = columns.find((one) => one.name === edited?.column);
    if (edited === null || column === undefined || typed === null) return;
    if (typed !== edited.held) props.commit(edited.row, column, typed, edited.seen);
    const row = rows.findIndex((one) => one.id === edited.row);
    if (move === "down") go(row + 1, columns.indexOf(column));
    if (move === "right") go(row, columns.indexOf(column) + 1);
    if (move === "left") go(row, columns.indexOf(column) - 1);
  };

  const menuOf = (place: Place) => {
    const box = document.getElementById(cellId(place))?.getBoundingClientRect();
    const at = { x: box?.left ?? 0, y: box?.bottom ?? 0 };
    if (place.row === HEAD && place.column > HEAD) props.openMenu({ kind: "column", index: place.column, at });
    else if (place.row > HEAD) props.openMenu({ kind: "row", index: place.row, at });
  };

  /** After the key that asks for it: a menu that opened while it is still on its way would take it for its own. */
  const later = (place: Place) => setTimeout(() => menuOf(place), 0);

  const press = (event: KeyboardEvent) => {
    if (editing !== null || event.target !== scroll.current) return;
    const { row, column } = active;
    const page = Math.max(1, Math.floor((scroll.current?.clientHeight ?? 400) / ROW_PX) - 2);
    const control = event.ctrlKey || event.metaKey;
    const moves: Record<string, () => unknown> = {
      ArrowUp: () => go(control ? 0 : row - 1, column, event.shiftKey),
      ArrowDown: () => (row === rows.length - 1 && !event.shiftKey && !control ? props.addRow() : go(control ? rows.length - 1 : row + 1, column, event.shiftKey)),
      ArrowLeft: () => go(row, control ? 0 : column - 1, event.shiftKey),
      ArrowRight: () => go(row, control ? columns.length - 1 : column + 1, event.shiftKey),
      Home: () => go(control ? 0 : row, 0, event.shiftKey),
      End: () => go(control ? rows.length - 1 : row, columns.length - 1, event.shiftKey),
      PageUp: () => go(Math.max(0, row - page), column, event.shiftKey),
      PageDown: () => go(row + page, column, event.shiftKey),
      Enter: () => (row === HEAD || column === HEAD ? later(active) : begin(active)),
      F2: () => begin(active),
      ContextMenu: () => later(active),
      Delete: () => props.clear(from, to),
      Backspace: () => props.clear(from, to),
      Escape: () => setAnchor(null),
    };
    const act = moves[event.key];
    if (event.key === "F10" && event.shiftKey) later(active);
    else if (control && event.key.toLowerCase() === "z") (event.shiftKey ? props.redo : props.undo)?.();
    else if (control && event.key.toLowerCase() === "y") props.redo?.();
    else if (control && event.key.toLowerCase() === "a") {
      setAnchor({ row: 0, column: 0 });
      setActive({ row: rows.length - 1, column: columns.length - 1 });
    } else if (act) act();
    else if (event.key === " ") begin(active);
    else if (event.key.length === 1 && !control && !event.altKey && row > HEAD && column > HEAD) begin(active, event.key);
    else return;
    event.preventDefault();
  };

  const copy = (event: ClipboardEvent) => {
    if (editing !== null) return;
    const texts = rows.slice(Math.max(0, from.row), to.row + 1).map((row) =>
      columns.slice(Math.max(0, from.column), to.column + 1).map((column) => openedText(column, row.cells[column.name], props.typed.get(cellKey(row.id, column.name)), locale)));
    event.clipboardData.setData("text/plain", writeBlock(texts));
    event.preventDefault();
  };

  const paste = (event: ClipboardEvent) => {
    if (editing !== null || active.column === HEAD) return;
    props.paste({ row: Math.max(0, from.row), column: Math.max(0, from.column) }, readBlock(event.clipboardData.getData("text/plain")));
    event.preventDefault();
  };

  /** The cell that is pressed was chosen already: a click edits it. Begun while it is pressed, the press would take the focus away again. */
  const again = useRef(false);
  const point = (place: Place) => (event: PointerEvent) => {
    if (event.button !== 0) return;
    go(place.row, place.column, event.shiftKey);
    again.current = same(place, active) && !event.shiftKey && place.row > HEAD && place.column > HEAD && editing === null;
  };

  const template = [`52px`, ...columns.map((column) => `minmax(${WIDTHS[column.kind] ?? 160}px, 1fr)`)].join(" ");
  const style = { "--cells": template } as CSSProperties;
  return (
    <div
      ref={scroll} className={classes.grid} style={style} role="grid" tabIndex={0} aria-label={t("grid.label", { name: props.name })} aria-multiselectable
      aria-rowcount={rows.length + 1} aria-colcount={columns.length + 1} aria-activedescendant={active.row < rows.length && active.column < columns.length ? cellId(active) : undefined} data-editing={editing !== null || undefined}
      onKeyDown={press} onCopy={copy} onPaste={paste}
    >
      <div role="row" aria-rowindex={1} className={classes.head}>
        <div role="columnheader" aria-colindex={1} id={cellId({ row: HEAD, column: HEAD })} className={classes.number} data-active={(active.row === HEAD && active.column === HEAD) || undefined}>
          <span className={classes.hidden}>{t("grid.rowNumber")}</span>
        </div>
        {columns.map((column, index) => (
          <Heading
            key={column.name} column={column} id={cellId({ row: HEAD, column: index })} index={index} isName={column.name === props.nameColumn} sort={props.sort}
            active={active.row === HEAD && active.column === index} open={() => { setActive({ row: HEAD, column: index }); menuOf({ row: HEAD, column: index }); }}
          />
        ))}
      </div>
      <div className={classes.body} role="rowgroup" style={{ blockSize: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          const needs = props.drafts.get(row.id);
          const header = { row: item.index, column: HEAD };
          return (
            <div key={row.id} role="row" aria-rowindex={item.index + 2} className={classes.row} data-draft={needs !== undefined || undefined} style={{ transform: `translateY(${item.start}px)` }}>
              <div role="rowheader" aria-colindex={1} id={cellId(header)} className={classes.number} data-active={same(active, header) || undefined} onPointerDown={point(header)}>
                <span>{item.index + 1}</span>
                <button type="button" tabIndex={-1} className={classes.rowMenu} aria-label={t("grid.rowMenu", { number: item.index + 1 })} onClick={() => { setActive(header); menuOf(header); }}>
                  <Ellipsis size={14} aria-hidden />
                </button>
              </div>
              {columns.map((column, index) => {
                const place = { row: item.index, column: index };
                const bad = props.bad.get(cellKey(row.id, column.name));
                const isOver = bad !== undefined && bad.text === undefined && needs === undefined;
                const problem = isOver ? `${bad.problem} ${t("grid.onServer", { text: shownText(column, row.cells[column.name], undefined, locale) || "–" })}` : bad?.problem;
                const inside = place.row >= from.row && place.row <= to.row && index >= from.column && index <= to.column;
                const edited = editing !== null && editing.row === row.id && editing.column === column.name;
                return (
                  <div
                    key={column.name} role="gridcell" aria-colindex={index + 2} id={cellId(place)} className={classes.cell} data-kind={column.kind} aria-selected={inside}
                    data-active={same(active, place) || undefined} aria-invalid={bad !== undefined || undefined} title={problem}
                    data-missing={needs?.includes(column.name) || undefined} onPointerDown={edited ? undefined : point(place)} onClick={edited ? undefined : () => again.current && begin(place)}
                  >
                    {edited
                      ? <CellEditor column={column} label={titleOf(column)} text={editing.text} end={end} />
                      : <Content column={column} cell={row.cells[column.name]} typed={props.typed.get(cellKey(row.id, column.name))} text={bad?.text} problem={problem} locale={locale} />}
                  </div>
                );
              })}
            </div>
          );
        })}
      </div>
    </div>
  );
}

const same = (a: Place, b: Place) => a.row === b.row && a.column === b.column;

function Heading({ column, id, index, isName, sort, active, open }: { column: Column; id: string; index: number; isName: boolean; sort: View["sort"]; active: boolean; open: () => void }) {
  const { t } = useTranslation("tables");
  const sorted = sort?.column === column.name ? (sort.down ? "descending" : "ascending") : "none";
  return (
    <div role="columnheader" aria-colindex={index + 2} id={id} aria-sort={sorted} className={classes.heading} data-kind={column.kind} data-active={active || undefined}>
      <button type="button" tabIndex={-1} aria-haspopup="menu" aria-label={t("grid.columnMenu", { title: titleOf(column) })} onClick={open}>
        {isName && <KeyRound size={12} aria-label={t("grid.nameColumn")} />}
        <span className={classes.headingText}>{titleOf(column)}</span>
        {sorted === "ascending" && <ArrowUp size={13} aria-hidden />}
        {sorted === "descending" && <ArrowDown size={13} aria-hidden />}
        <ChevronDown size={13} className={classes.caret} aria-hidden />
      </button>
    </div>
  );
}

function Content({ column, cell, typed, text, problem, locale }: { column: Column; cell: unknown; typed: unknown; text: string | undefined; problem: string | undefined; locale: string }): ReactNode {
  const { t } = useTranslation("tables");
  if (problem !== undefined) {
    return <><TriangleAlert size={13} aria-hidden /><span className={classes.text}>{text ?? shownText(column, cell, typed, locale)}</span><span className={classes.hidden}>{problem}</span></>;
  }
  const answer = typed === undefined ? cell : typed;
  if (column.kind === "yes_no" && typeof answer === "boolean") {
    return answer ? <Check size={15} aria-label={t("grid.yes")} role="img" /> : <X size={15} className={classes.no} aria-label={t("grid.no")} role="img" />;
  }
  return <span className={classes.text}>{shownText(column, cell, typed, locale)}</span>;
}
