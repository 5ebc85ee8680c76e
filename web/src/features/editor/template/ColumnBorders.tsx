// The borders between a table's columns, over its page: moved by dragging them, or with the arrow keys.

import { useRef, useState } from "react";
import type { KeyboardEvent, PointerEvent } from "react";
import { useTranslation } from "react-i18next";

import type { PreviewBox, PreviewPage } from "~/api/types";
import { isObject, toPointer } from "~/lib/document/pointer";
import type { JsonObject } from "~/lib/document/types";
import { useFormat } from "~/lib/format";
import { put } from "~/lib/template/edits";
import { LEAST_MM, reach, withBorder } from "~/lib/template/widths";
import type { Choice } from "./commands";
import { useTemplateStore } from "./state";
import { blockTitle, shortText } from "./words";
import classes from "./template.module.css";

interface Props {
  page: PreviewPage;
  box: PreviewBox;
  choice: Choice;
  /** A table that goes on over pages is one stop for each border, on its first page. */
  focusable: boolean;
}

interface Moved {
  at: number;
  by: number;
}

/** Presses that were not drawn yet begin where the first of them did. */
interface Pressed extends Moved {
  places: PreviewBox["columns"];
  columns: readonly JsonObject[];
}

const STEP_MM = 1;
const BIG_STEP_MM = 10;
/** A hand that shakes moves nothing. */
const LEAST_MOVE_MM = 0.2;

export function ColumnBorders({ page, box, choice: { path, block }, focusable }: Props) {
  const { t } = useTranslation("template");
  const format = useFormat();
  const store = useTemplateStore();
  const from = useRef(0);
  const pressed = useRef<Pressed | null>(null);
  const [dragged, setDragged] = useState<Moved | null>(null);
  const columns = (Array.isArray(block?.["columns"]) ? block["columns"] : []).filter(isObject);
  const places = box.columns ?? [];
  const drawn = places.map((place) => place.width_mm);
  // Until it is drawn again, a table with another number of columns says nothing about them.
  if (!path || !block || places.length !== columns.length) return null;

  const write = (next: readonly JsonObject[], { at, by }: Moved, join: string | null) => {
    const moved = withBorder(next, drawn, at, by);
    store.edit(t("label.widths", { name: blockTitle(block, t) }), (template) => put(template, [...path, "columns"], moved), join);
  };
  const held = (at: number, by: number) => {
    const [least, most] = reach(drawn, at);
    return Math.max(least, Math.min(most, by));
  };
  const title = (at: number) => shortText(String(columns[at]?.["heading"] ?? "")) || t("entry.number", { number: at + 1 });
  const width = (mm: number) => `${format.number(mm, 1)} mm`;

  return places.slice(0, -1).map((place, at) => {
    const next = places[at + 1] ?? place;
    // Columns of a table that runs from right to left stand in the other order.
    const sign = next.x_mm < place.x_mm ? -1 : 1;
    const [left, right] = sign > 0 ? [place, next] : [next, place];
    const by = dragged?.at === at ? dragged.by : 0;
    const x = (left.x_mm + left.width_mm + right.x_mm) / 2 + by * sign;
    const [own, other] = [place.width_mm + by, next.width_mm - by];
    const [least, most] = reach(drawn, at);

    const onPointerDown = (event: PointerEvent<HTMLDivElement>) => {
      if (event.button !== 0) return;
      event.preventDefault();
      event.currentTarget.focus({ preventScroll: true });
      event.currentTarget.setPointerCapture(event.pointerId);
      from.current = event.clientX;
      setDragged({ at, by: 0 });
    };
    const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
      const paper = event.currentTarget.parentElement?.getBoundingClientRect().width ?? 0;
      if (dragged?.at !== at || paper === 0) return;
      setDragged({ at, by: held(at, ((event.clientX - from.current) / paper) * page.width_mm * sign) });
    };
    const onPointerUp = () => {
      if (dragged?.at === at && Math.abs(dragged.by) >= LEAST_MOVE_MM) write(columns, dragged, null);
      setDragged(null);
    };
    const onKeyDown = (event: KeyboardEvent) => {
      const step = (event.shiftKey ? BIG_STEP_MM : STEP_MM) * sign;
      const moves: Record<string, number> = { ArrowRight: step, ArrowLeft: -step, Home: -Infinity, End: Infinity };
      const move = moves[event.key];
      if (event.key === "Escape" && dragged) setDragged(null);
      else if (move !== undefined && !event.ctrlKey && !event.metaKey && !event.altKey) {
        const before = pressed.current;
        const base = before?.places === box.columns && before?.at === at ? before : { places: box.columns, columns, at, by: 0 };
        const now = { ...base, by: held(at, base.by + move) };
        pressed.current = now;
        if (now.by !== base.by) write(now.columns, now, `${toPointer(path)}/columns/widths`);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    };
    const percent = (value: number, whole: number) => `${(value / whole) * 100}%`;
    return (
      <div
        key={at} role="separator" aria-orientation="vertical" tabIndex={focusable ? 0 : -1} className={classes["border"]} data-dragged={dragged?.at === at}
        aria-label={t("column.border", { before: title(at), after: title(at + 1) })}
        aria-valuenow={Math.round(own)} aria-valuemin={Math.round(Math.min(LEAST_MM, place.width_mm + least))} aria-valuemax={Math.round(place.width_mm + most)} aria-valuetext={width(own)}
        style={{ left: percent(x, page.width_mm), top: percent(box.y_mm, page.height_mm), height: percent(box.height_mm, page.height_mm) }}
        onPointerDown={onPointerDown} onPointerMove={onPointerMove} onPointerUp={onPointerUp} onPointerCancel={() => setDragged(null)} onKeyDown={onKeyDown}
      >
        {dragged?.at === at && <span className={classes["borderWidth"]} aria-hidden>{sign > 0 ? `${width(own)} | ${width(other)}` : `${width(other)} | ${width(own)}`}</span>}
      </div>
    );
  });
}
