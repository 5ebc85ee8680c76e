// What a PDF must say, drawn from the values that were sent and not from the file: `NAME.expect.json` beside `NAME.pdf`, for those who judge
// the file afterwards.
import { writeFileSync } from "node:fs";

interface Kind {
  kind: string;
  /** Of a list. */
  item?: Kind;
  /** Of a record. */
  fields?: Field[];
}

interface Field extends Kind {
  name: string;
}

/** A document template, as far as it says what is printed. */
export interface Declared {
  language: string;
  fields: Field[];
}

/** Texts and amounts of values as a document prints them. Days and numbers are left out: each place writes them in its own way. */
export function said({ language, fields }: Declared, values: unknown): string[] {
  const amounts = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const visit = (kind: Kind, value: unknown): string[] => {
    if (value === null || value === undefined) return [];
    switch (kind.kind) {
      case "text":
        return pieces(value as string);
      case "money":
        return [amounts.format(Number((value as { amount: string }).amount))];
      case "list": {
        const { item } = kind;
        return item ? (value as unknown[]).flatMap((entry) => visit(item, entry)) : [];
      }
      case "record":
        return (kind.fields ?? []).flatMap((field) => visit(field, (value as Record<string, unknown>)[field.name]));
      default:
        return [];
    }
  };
  return visit({ kind: "record", fields }, values);
}

/** The parts of a text that are found as they are, wherever its lines end. Markdown's marks are not printed. */
export function pieces(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.replace(/^- /, "").replaceAll("**", "").trim())
    .flatMap((line) => (/\s/.test(line) ? line.split(breaks(line)) : [line]))
    .map((piece) => piece.trim())
    .filter((piece) => /[\p{L}\p{N}]/u.test(piece));
}

/** A line also ends behind a hyphen, a dash or a slash, and a hyphen there is not read. Where letters run from right to left, programs that read
 * files put the marks between them on either side. */
function breaks(line: string): RegExp {
  return /[\p{Script=Arabic}\p{Script=Hebrew}]/u.test(line) ? /[^\p{L}\p{M}\p{N}\s]+/u : /[-–—/]/u;
}

/** Writes down what a PDF must say. */
export function expectOf(pdf: string, language: string, texts: readonly string[]): void {
  writeFileSync(pdf.replace(/\.pdf$/, ".expect.json"), JSON.stringify({ language, texts: [...new Set(texts)] }, null, 1));
}
