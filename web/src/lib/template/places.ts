// From the page to the template and back: what a click on a word means, and where a problem is.

import { parsePointer } from "../document/pointer";
import type { Path } from "../document/pointer";
import { pieces } from "../expression/template";
import { blockAround } from "./blocks";
import type { Template } from "./blocks";

/** The place of a pointer, with the numbers that lists are entered by. */
export function pathOfPointer(pointer: string): Path {
  return parsePointer(pointer).map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** How many letters of a text (as JavaScript counts) lie before a byte of it (as UTF-8). */
export function lettersBefore(text: string, bytes: number): number {
  let left = bytes;
  let letters = 0;
  for (const letter of text) {
    const code = letter.codePointAt(0) ?? 0;
    left -= code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (left < 0) break;
    letters += letter.length;
  }
  return letters;
}

/**
 * Where the caret goes for a click on a piece of a text. `start` and `end` are the bytes that the piece shows, `share` how far along the
 * piece the click is. Never into an expression: before or behind it, whichever is nearer.
 */
export function caretAt(text: string, start: number, end: number, share: number): number {
  const [from, to] = [lettersBefore(text, start), lettersBefore(text, end)];
  const at = Math.round(from + (to - from) * Math.max(0, Math.min(1, share)));
  const piece = pieces(text).find((one) => one.type !== "text" && one.from < at && at < one.to);
  return piece ? (share < 0.5 ? piece.from : piece.to) : at;
}

/** Where a problem of `/template` is: the block, and the member in it. */
export function placeOfProblem(template: Template, pointer: string): { block: Path | null; member: Path } {
  const path = pathOfPointer(pointer.replace(/^\/template(?=\/|$)/, ""));
  const block = blockAround(template, path);
  return { block, member: path.slice(block?.length ?? 0) };
}
