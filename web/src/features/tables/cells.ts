/* What stands in a cell, as people read it and as they type it; and blocks as spreadsheets put them on the clipboard. Pure. */
import type { ChoiceOption } from "~/lib/expression/kind";
import type { Column } from "./types";

/** The decimal mark of a language. */
export function decimalMark(locale: string): string {
  const parts = new Intl.NumberFormat(locale).formatToParts(1.5);
  return parts.find((part) => part.type === "decimal")?.value ?? ".";
}

const isMoney = (cell: unknown): cell is { amount: string; currency: string } => typeof cell === "object" && cell !== null && "amount" in cell;

/** As people read it. Figures are grouped as text: they are never made floating point numbers. */
export function cellText(column: Column, cell: unknown, locale: string): string {
  if (cell === null || cell === undefined) return "";
  switch (column.kind) {
    case "integer":
    case "decimal":
      return grouped(String(cell), locale);
    case "money":
      return isMoney(cell) ? `${grouped(cell.amount, locale)} ${cell.currency}` : "";
    case "date":
      return dateText(String(cell), locale);
    case "choice":
      return column.options.find((option) => option.value === cell)?.title ?? String(cell);
    default:
      return typeof cell === "boolean" ? (cell ? "✓" : "✗") : String(cell);
  }
}

/** As somebody would type it, which is what a copied cell carries and an opened one shows. */
export function typedText(column: Column, cell: unknown, locale: string): string {
  if (cell === null || cell === undefined) return "";
  if (column.kind === "decimal") return String(cell).replace(".", decimalMark(locale));
  if (column.kind === "money") return isMoney(cell) ? cell.amount.replace(".", decimalMark(locale)) : "";
  if (typeof cell === "boolean") return cell ? "yes" : "no";
  return String(cell);
}

/** What an opened cell shows, and what is copied of it: text that the server has not taken yet stays as it was typed. */
export function openedText(column: Column, cell: unknown, typed: unknown, locale: string): string {
  return typeof typed === "string" ? typed : typedText(column, typed === undefined ? cell : typed, locale);
}

/** What a closed cell shows. How a figure is written is the server's to say. */
export function shownText(column: Column, cell: unknown, typed: unknown, locale: string): string {
  const isTitled = column.kind === "choice" || column.kind === "date";
  return typeof typed === "string" && !isTitled ? typed : cellText(column, typed === undefined ? cell : typed, locale);
}

/** Yes or no by the letter that somebody types into a cell; `null`: it says neither. */
export function yesNo(letter: string): boolean | null {
  if (/^[yj1x是]$/i.test(letter)) return true;
  return /^[n0否-]$/i.test(letter) ? false : null;
}

/** Choices as they are written, one a line; those that were there keep their titles. */
export function choicesOf(lines: string, known: readonly ChoiceOption[]): ChoiceOption[] {
  const values = lines.split("\n").map((line) => line.trim()).filter(Boolean);
  return values.map((value) => known.find((option) => option.value === value) ?? { value });
}

function grouped(text: string, locale: string): string {
  const [whole = "0", fraction] = text.split(".");
  // A whole number of any length is grouped exactly.
  const head = new Intl.NumberFormat(locale).format(BigInt(whole.replace("-", "") || "0"));
  return (text.startsWith("-") ? "-" : "") + head + (fraction === undefined ? "" : decimalMark(locale) + fraction);
}

function dateText(text: string, locale: string): string {
  const at = new Date(`${text}T00:00:00Z`);
  if (Number.isNaN(at.getTime())) return text;
  return new Intl.DateTimeFormat(locale === "en" ? "en-GB" : locale, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }).format(at);
}

/** Rows of cells as spreadsheets copy them: tabs between cells, quotes around those that hold tabs, lines or quotes. */
export function readBlock(text: string): string[][] {
  const rows: string[][] = [[]];
  let cell = "";
  let quoted = false;
  const row = () => rows[rows.length - 1] ?? [];
  const end = () => {
    row().push(cell);
    cell = "";
  };
  const letters = text.replace(/\r\n?/g, "\n");
  for (let at = 0; at < letters.length; at += 1) {
    const letter = letters.charAt(at);
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (letters.charAt(at + 1) === '"') {
        cell += '"';
        at += 1;
      } else quoted = false;
    } else if (letter === '"' && cell === "") quoted = true;
    else if (letter === "\t") end();
    else if (letter === "\n") {
      end();
      rows.push([]);
    } else cell += letter;
  }
  end();
  // The line break at the end of a copied block begins no row.
  if (rows.length > 1 && row().length === 1 && row()[0] === "") rows.pop();
  return rows;
}

export function writeBlock(rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => (/["\t\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return rows.map((row) => row.map(cell).join("\t")).join("\n");
}

/** A short name for a column of this title, as expressions read it. */
export function columnName(title: string, taken: readonly string[]): string {
  const base = title.toLowerCase().normalize("NFKD").replace(/[\u0300-\u036f]/g, "").replace(/[^a-z0-9]+/g, "_").replace(/^[^a-z]+|_+$/g, "").slice(0, 40) || "column";
  let name = base;
  for (let number = 2; taken.includes(name); number += 1) name = `${base}_${number}`;
  return name;
}
