// How blocks and places are called.

import type { TFunction } from "i18next";

import { toPointer } from "~/lib/document/pointer";
import type { Path } from "~/lib/document/pointer";
import { pieces } from "~/lib/expression/template";
import { blockAround, blockAt, pathOf, placeOf, rowsOf } from "~/lib/template/blocks";
import type { Block, Row, Template } from "~/lib/template/blocks";
import { wordsOf } from "~/lib/template/passages";

const LONGEST = 40;

/** A text in short, with values by their names. */
export function shortText(source: string): string {
  return pieces(source).map((piece) => (piece.type === "text" ? piece.text : piece.type === "chip" ? (piece.chip.path.at(-1) ?? "") : "…")).join("").trim();
}

/** The name somebody gave it, else its first words, else its kind. A line to sign on prints its name, so it has none of its own. */
export function blockTitle(block: Block, t: TFunction<"template">): string {
  const { name } = block;
  if (typeof name === "string" && name !== "" && block.type !== "signature") return name;
  const words = wordsOf(block);
  const plain = words !== "" ? pieces(words).map((piece) => (piece.type === "text" ? piece.text : piece.type === "chip" ? `‹${piece.chip.path.at(-1) ?? ""}›` : "…")).join("") : "";
  const short = plain.replace(/\s+/g, " ").trim();
  if (short === "") return kindName(block.type, t);
  return short.length > LONGEST ? `${short.slice(0, LONGEST).trimEnd()}…` : short;
}

export function kindName(type: string, t: TFunction<"template">): string {
  return t(`block.${type}`, { defaultValue: type });
}

export function rowTitle(row: Row, t: TFunction<"template">): string {
  return row.kind === "block" ? blockTitle(row.block, t) : t(`slot.${row.slot}`, { number: row.number });
}

/** What a place in the template belongs to, as a step of undo names it. */
export function placeName(template: Template, path: Path, t: TFunction<"template">): string {
  const block = blockAt(template, path);
  return block ? blockTitle(block, t) : t("page.title");
}

/** Where a block stands now, for those who do not see it move. */
export function standing(template: Template, id: string, t: TFunction<"template">): string {
  const path = pathOf(template, id);
  if (!path) return "";
  const { list, index } = placeOf(path);
  const name = placeName(template, path, t);
  if (index > 0) return t("pages.movedBehind", { name, other: placeName(template, [...list, index - 1], t) });
  // Not every place that holds blocks has a name of its own.
  const slot = rowsOf(template).find((row) => row.kind === "slot" && row.key === toPointer(list));
  return t("pages.movedFirst", { name, place: slot ? rowTitle(slot, t) : placeName(template, blockAround(template, list) ?? [], t) });
}
