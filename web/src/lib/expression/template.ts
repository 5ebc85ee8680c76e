// Template text cut into plain text, chips and other expressions. A chip is a hole that only reads one value, perhaps through
// filters with literal arguments; everything else stays expression text. Joining the pieces gives the very same text back.

export interface Filter {
  name: string;
  /** Literals as they are written, such as `"long"` or `2`. */
  args: string[];
}

export interface Chip {
  path: string[];
  filters: Filter[];
  /** What stands there when the value is empty; `null` stops the run and says so, `""` leaves it out. */
  fallback: string | null;
  /** Left out by `default(none)`, which typed places need, rather than by an empty text. */
  none?: boolean;
}

/** Filters that only show a value; any other computes, and stays an expression. */
const SHOWING = new Set(["money", "amount", "number", "date", "percent", "upper", "lower", "title", "trim", "truncate", "join", "length", "map", "round", "first", "last"]);

export type Piece =
  | { type: "text"; from: number; to: number; text: string }
  | { type: "chip"; from: number; to: number; text: string; chip: Chip }
  | { type: "expression"; from: number; to: number; text: string; source: string }
  | { type: "statement"; from: number; to: number; text: string };

const CLOSERS: Record<string, string> = { "{{": "}}", "{%": "%}", "{#": "#}" };

export function pieces(template: string): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  let plain = 0;
  const flush = (to: number) => {
    if (to > plain) found.push({ type: "text", from: plain, to, text: template.slice(plain, to) });
  };
  while (at < template.length) {
    const opener = template.slice(at, at + 2);
    const closer = CLOSERS[opener];
    const end = closer ? findClose(template, at + 2, closer) : -1;
    if (!closer || end < 0) {
      at += 1;
      continue;
    }
    flush(at);
    const text = template.slice(at, end);
    if (opener === "{{") {
      const source = text.slice(2, -2).replace(/^-/, "").replace(/-$/, "").trim();
      const chip = text.startsWith("{{-") || text.endsWith("-}}") ? null : readChip(source);
      found.push(chip
        ? { type: "chip", from: at, to: end, text, chip }
        : { type: "expression", from: at, to: end, text, source });
    } else found.push({ type: "statement", from: at, to: end, text });
    at = end;
    plain = end;
  }
  flush(template.length);
  return found;
}

/** A closer inside a quoted string does not close. */
function findClose(template: string, from: number, closer: string): number {
  let quote = "";
  for (let at = from; at < template.length; at += 1) {
    const letter = template[at] ?? "";
    if (quote) {
      if (letter === "\\") at += 1;
      else if (letter === quote) quote = "";
    } else if (closer !== "#}" && (letter === '"' || letter === "'")) quote = letter;
    else if (template.startsWith(closer, at)) return at + closer.length;
  }
  return -1;
}

type Token = { kind: "name" | "literal" | "punct"; text: string };

const TOKEN = /\s*(?:([A-Za-z_][A-Za-z0-9_]*)|(-?\d+(?:\.\d+)?|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([.|()[\],=]))/y;
const LITERAL_NAMES = new Set(["true", "false", "none", "True", "False", "None"]);
const WORDS = new Set(["and", "or", "not", "if", "elif", "else", "endif", "in", "is", "for", "endfor", "set", "endset", ...LITERAL_NAMES]);

function tokens(source: string): Token[] | null {
  const list: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    if (source.slice(TOKEN.lastIndex).trim() === "") break;
    const match = TOKEN.exec(source);
    if (!match) return null;
    if (match[1] !== undefined) list.push({ kind: "name", text: match[1] });
    else if (match[2] !== undefined) list.push({ kind: "literal", text: match[2] });
    else list.push({ kind: "punct", text: match[3] ?? "" });
  }
  return list;
}

/** `form.rows[0].name | date("long") | default("-")`, or `null` when it is more than that. */
export function readChip(source: string): Chip | null {
  const list = tokens(source);
  if (!list) return null;
  let at = 0;
  const peek = (text: string) => list[at]?.kind === "punct" && list[at]?.text === text;
  const first = list[at++];
  if (first?.kind !== "name" || WORDS.has(first.text)) return null;
  const path = [first.text];
  for (;;) {
    if (peek(".")) {
      const name = list[at + 1];
      if (name?.kind !== "name" && !(name?.kind === "literal" && /^\d+$/.test(name.text))) return null;
      path.push(name.text);
      at += 2;
    } else if (peek("[")) {
      const key = list[at + 1];
      if (key?.kind !== "literal" || list[at + 2]?.text !== "]") return null;
      path.push(unquote(key.text));
      at += 3;
    } else break;
  }
  const filters: Filter[] = [];
  let fallback: string | null = null;
  let none = false;
  while (peek("|")) {
    const name = list[at + 1];
    if (name?.kind !== "name") return null;
    at += 2;
    const args: string[] = [];
    if (peek("(")) {
      at += 1;
      while (!peek(")")) {
        let key = "";
        if (list[at]?.kind === "name" && list[at + 1]?.text === "=") {
          key = `${list[at]?.text ?? ""}=`;
          at += 2;
        }
        const value = list[at];
        if (!value || (value.kind !== "literal" && !(value.kind === "name" && LITERAL_NAMES.has(value.text)))) return null;
        args.push(key + value.text);
        at += 1;
        if (peek(",")) at += 1;
        else if (!peek(")")) return null;
      }
      at += 1;
    }
    if (name.text === "default" && fallback === null && args.length <= 1 && (args[0] === undefined || /^["']/.test(args[0]))) {
      fallback = args[0] === undefined ? "" : unquote(args[0]);
    } else if (name.text === "default" && fallback === null && /^[nN]one$/.test(args[0] ?? "")) {
      fallback = "";
      none = true;
    } else if (SHOWING.has(name.text)) filters.push({ name: name.text, args });
    else return null;
  }
  return at === list.length ? { path, filters, fallback, ...(none ? { none } : {}) } : null;
}

function unquote(literal: string): string {
  if (!/^["']/.test(literal)) return literal;
  return literal.slice(1, -1).replace(/\\(.)/g, (_, letter: string) => (letter === "n" ? "\n" : letter === "t" ? "\t" : letter));
}

export function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

export function writePath(path: readonly string[]): string {
  return path
    .map((part, index) => {
      if (/^-?\d+$/.test(part) && index > 0) return `[${part}]`;
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(part)) return `[${quote(part)}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join("");
}

export function writeChip(chip: Chip): string {
  // The fallback goes last: what is written instead of an empty value is shown exactly as typed.
  const filters = chip.filters.map((filter) => ` | ${filter.name}${filter.args.length ? `(${filter.args.join(", ")})` : ""}`);
  const fallback = chip.fallback === null ? "" : ` | default(${chip.none && chip.fallback === "" ? "none" : quote(chip.fallback)})`;
  return `{{ ${writePath(chip.path)}${filters.join("")}${fallback} }}`;
}

/** The chip when the whole template is one, else `null`. */
export function onlyChip(template: string): Chip | null {
  const [piece, ...rest] = pieces(template.trim());
  return rest.length === 0 && piece?.type === "chip" ? piece.chip : null;
}

/** Names a template reads at its top level, such as the steps; words inside quotes and after dots are not names. */
export function readNames(template: string): string[] {
  const names = new Set<string>();
  for (const piece of pieces(template)) {
    if (piece.type === "chip" && piece.chip.path[0]) names.add(piece.chip.path[0]);
    if (piece.type === "expression" || piece.type === "statement") {
      const bare = piece.text.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, " ");
      for (const match of bare.matchAll(/(?<![.|]\s*)(?<!\w)([a-z_][a-z0-9_]*)(?!\s*\()/g)) {
        if (match[1] && !WORDS.has(match[1])) names.add(match[1]);
      }
    }
  }
  return [...names];
}
