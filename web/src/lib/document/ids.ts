// Names that expressions can read: `[a-z][a-z0-9_]*`, at most 64 characters, unique, never one of the language's own words.

const RESERVED = new Set([
  "firm", "run", "item", "index", "now", "today", "row", "loop", "self", "form_data",
  "true", "false", "none", "and", "or", "not", "in", "is", "if", "else", "elif", "endif", "for", "endfor", "set", "endset",
]);
const LONGEST = 64;

/** Latin letters lose their accents; anything else becomes a gap. Empty when nothing is left (a Chinese title, say). */
export function slug(text: string): string {
  const plain = text
    .replaceAll("ß", "ss").replaceAll("æ", "ae").replaceAll("ø", "o").replaceAll("ł", "l")
    .normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
    .replace(/[^a-z0-9]+/g, "_").replace(/^[^a-z]+/, "").replace(/_+$/, "");
  return plain.slice(0, LONGEST).replace(/_+$/, "");
}

export function freshName(wanted: string, taken: Iterable<string>, fallback: string): string {
  const used = new Set(taken);
  const base = slug(wanted) || slug(fallback) || "value";
  for (let count = 1; ; count += 1) {
    const tail = count === 1 ? "" : `_${count}`;
    const name = base.slice(0, LONGEST - tail.length) + tail;
    if (!used.has(name) && !RESERVED.has(name)) return name;
  }
}

/** A step's id from its title: its first word carries the meaning ("Write with a model" becomes `write`). */
export function freshStepId(title: string, type: string, taken: Iterable<string>): string {
  const first = slug(title).split("_")[0] ?? "";
  return freshName(first.length >= 3 ? first : slug(title), taken, type);
}

/** "Invoice", "Invoice 2", "Invoice 3": what a copy is called. */
export function copyName(name: string, taken: Iterable<string>): string {
  const used = new Set(taken);
  const base = name.replace(/ \d+$/, "");
  for (let count = 2; ; count += 1) {
    const next = `${base} ${count}`;
    if (!used.has(next)) return next;
  }
}
