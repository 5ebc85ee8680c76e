// Where a block that is dragged over a drawn page would go, found from the places of the blocks that the page shows.

import { getAt, isObject } from "../document/pointer";
import type { Path } from "../document/pointer";
import { blockAt, blocksOf, listAt, slotsOf } from "./blocks";
import type { Template } from "./blocks";
import { isInside, move } from "./edits";

export interface Rect {
  x_mm: number;
  y_mm: number;
  width_mm: number;
  height_mm: number;
}

export interface DrawnPage {
  width_mm: number;
  height_mm: number;
  /** Of blocks, by their ids; one that is repeated has several. */
  boxes: ReadonlyArray<Rect & { block: string }>;
}

/** The place of a list that a block would take, and the line that shows it. */
export interface Drop {
  list: Path;
  index: number;
  line: { x_mm: number; y_mm: number; width_mm: number };
}

interface Shown extends Rect {
  path: Path;
}

/** So near to the upper or lower edge of what holds blocks, a block goes beside it and not into it. */
const EDGE_MM = 2.5;
const SLACK_MM = 0.5;
const USUAL_MARGIN_MM = 18;
const BODY: Path = ["blocks"];

const right = (rect: Rect) => rect.x_mm + rect.width_mm;
const bottom = (rect: Rect) => rect.y_mm + rect.height_mm;
const beyond = (at: number, from: number, to: number) => Math.max(from - at, at - to, 0);

/** `null` where nothing would change, also over the dragged block itself. What is new has no path yet. */
export function dropAt(template: Template, page: DrawnPage, x: number, y: number, dragged: Path | null): Drop | null {
  // By ids: the template may have changed since the page was drawn.
  const paths = new Map(blocksOf(template).map(({ block, path }) => [block.id, path]));
  const shown = page.boxes.flatMap((box) => {
    const path = paths.get(box.block);
    return path ? [{ ...box, path }] : [];
  });
  const found = gapIn(template, shown, regionAt(template, shown, page, y), x, y, dragged);
  return dragged !== null && move(template, dragged, found.list, found.index) === null ? null : found;
}

interface Place {
  list: Path;
  rect: Rect;
}

/** The head, the body or the foot of the page. What is empty between head and foot is the body's. */
function regionAt(template: Template, shown: readonly Shown[], page: DrawnPage, y: number): Place {
  const inBody = childrenOf(shown, { list: BODY, rect: { x_mm: 0, y_mm: 0, ...page } });
  const outside = (region: string) => shown.filter(({ path }) => path[0] === region && path.length === 3);
  const [heads, feet] = [outside("header"), outside("footer")];
  const upper = Math.max(...heads.map(bottom), 0);
  const lower = Math.min(...feet.map((foot) => foot.y_mm), page.height_mm);
  const [one] = y < upper ? heads : y > lower ? feet : [];
  if (one && !inBody.some((box) => beyond(y, box.y_mm, bottom(box)) === 0)) {
    return { list: one.path.slice(0, -1), rect: { x_mm: 0, y_mm: 0, width_mm: page.width_mm, height_mm: page.height_mm } };
  }
  // A body without blocks shows the line where its first one would stand.
  const margins = getAt(template, ["page", "margins"]);
  const margin = (side: string) => {
    const set = isObject(margins) ? margins[side] : undefined;
    return typeof set === "number" ? set : USUAL_MARGIN_MM;
  };
  const [x_mm, y_mm] = inBody.length > 0 ? [0, 0] : [margin("left"), Math.max(upper, margin("top"))];
  const width_mm = inBody.length > 0 ? page.width_mm : page.width_mm - x_mm - margin("right");
  return { list: BODY, rect: { x_mm, y_mm, width_mm, height_mm: page.height_mm - y_mm } };
}

/** The boxes of a list's own blocks, from top to bottom. */
function childrenOf(shown: readonly Shown[], { list, rect }: Place): Shown[] {
  const isWithin = (one: Rect) =>
    beyond(one.x_mm + one.width_mm / 2, rect.x_mm, right(rect)) <= SLACK_MM && beyond(one.y_mm + one.height_mm / 2, rect.y_mm, bottom(rect)) <= SLACK_MM;
  return shown.filter((one) => one.path.length === list.length + 1 && isInside(one.path, list) && isWithin(one)).toSorted((a, b) => a.y_mm - b.y_mm);
}

function gapIn(template: Template, shown: readonly Shown[], place: Place, x: number, y: number, dragged: Path | null): Drop {
  const { list, rect } = place;
  const children = childrenOf(shown, place);
  const [nearest] = children.toSorted((a, b) => beyond(y, a.y_mm, bottom(a)) - beyond(y, b.y_mm, bottom(b)));
  if (!nearest) return { list, index: listAt(template, list).length, line: { x_mm: rect.x_mm, y_mm: rect.y_mm, width_mm: rect.width_mm } };
  const edge = Math.min(EDGE_MM, nearest.height_mm / 4);
  if (y > nearest.y_mm + edge && y < bottom(nearest) - edge && !(dragged && isInside(nearest.path, dragged))) {
    const inner = placeIn(template, shown, nearest, x);
    if (inner) return gapIn(template, shown, inner, x, y, dragged);
  }
  const isBefore = y < nearest.y_mm + nearest.height_mm / 2;
  const side = isBefore ? nearest.y_mm : bottom(nearest);
  const neighbour = children[children.indexOf(nearest) + (isBefore ? -1 : 1)];
  const other = neighbour ? (isBefore ? bottom(neighbour) : neighbour.y_mm) : side;
  return {
    list,
    index: Number(nearest.path.at(-1)) + (isBefore ? 0 : 1),
    line: { x_mm: nearest.x_mm, y_mm: (side + other) / 2, width_mm: nearest.width_mm },
  };
}

/** Where a block holds others: the column beside the point, or the branch that is shown. */
function placeIn(template: Template, shown: readonly Shown[], holder: Shown, x: number): Place | null {
  const block = blockAt(template, holder.path);
  const slots = block ? slotsOf(block) : [];
  const places = slots.map(({ path }) => ({ list: [...holder.path, ...path], rect: holder }));
  if (!slots.some(({ slot }) => slot === "column")) return places.find((place) => childrenOf(shown, place).length > 0) ?? places[0] ?? null;
  const away = ({ rect }: Place) => beyond(x, rect.x_mm, right(rect));
  return columnPlaces(template, shown, holder, places).toSorted((a, b) => away(a) - away(b))[0] ?? null;
}

/** Columns with what they cover of their block. Those that show nothing share what the others leave free. */
function columnPlaces(template: Template, shown: readonly Shown[], holder: Rect, columns: readonly Place[]): Place[] {
  const found = columns.map((place) => {
    const [first] = childrenOf(shown, place);
    return { ...place, from: first?.x_mm, to: first && right(first) };
  });
  const starts = found.flatMap(({ from }) => (from === undefined ? [] : [from]));
  const [least, most] = [starts[0], starts.at(-1)];
  const isReversed = least !== undefined && most !== undefined && least !== most ? least > most : getAt(template, ["page", "direction"]) === "rtl";
  const order = isReversed ? found.toReversed() : found;
  return order.map(({ list, from, to }, at) => {
    const known = order.findLastIndex((one, other) => other < at && one.to !== undefined);
    const next = order.findIndex((one, other) => other > at && one.from !== undefined);
    const left = order[known]?.to ?? holder.x_mm;
    const share = ((order[next]?.from ?? right(holder)) - left) / ((next < 0 ? order.length : next) - known - 1);
    const x_mm = from ?? left + share * (at - known - 1);
    return { list, rect: { x_mm, y_mm: holder.y_mm, width_mm: to === undefined ? share : to - x_mm, height_mm: holder.height_mm } };
  });
}
