/* The little Markdown that the help is written in, read into blocks. Knows no HTML: text stays text. */

export type Inline =
  | { is: "text"; text: string }
  | { is: "strong" | "em"; inside: Inline[] }
  | { is: "code"; text: string }
  | { is: "link"; href: string; inside: Inline[] };

export interface Code {
  language: string;
  text: string;
}

export type Block =
  | { is: "heading"; level: number; anchor: string; inside: Inline[] }
  | { is: "paragraph"; inside: Inline[] }
  | { is: "list"; ordered: boolean; items: Inline[][] }
  | { is: "table"; head: Inline[][]; rows: Inline[][][] }
  /** Blocks of code in a row say the same in several languages. */
  | { is: "code"; codes: Code[] };

export function anchorOf(heading: string): string {
  return heading
    .toLocaleLowerCase()
    .replace(/[`*]/g, "")
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "");
}

const INLINE = /`([^`]+)`|\*\*(.+?)\*\*|\*([^*\s](?:[^*]*[^*\s])?)\*|\[([^\]]+)\]\(([^)\s]+)\)/;

export function inline(text: string): Inline[] {
  const found = INLINE.exec(text);
  if (found === null) return text === "" ? [] : [{ is: "text", text }];
  const [whole, code, strong, em, label, href] = found;
  const one: Inline =
    code !== undefined
      ? { is: "code", text: code }
      : strong !== undefined
        ? { is: "strong", inside: inline(strong) }
        : em !== undefined
          ? { is: "em", inside: inline(em) }
          : { is: "link", href: href ?? "", inside: inline(label ?? "") };
  return [...inline(text.slice(0, found.index)), one, ...inline(text.slice(found.index + whole.length))];
}

function cells(line: string): Inline[][] {
  return line
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => inline(cell.trim()));
}

export function blocks(text: string): Block[] {
  const lines = text.replaceAll("\r", "").split("\n");
  const found: Block[] = [];
  let at = 0;
  const take = (fits: (line: string) => boolean): string[] => {
    const from = at;
    while (at < lines.length && fits(lines[at] ?? "")) at += 1;
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const line = lines[at] ?? "";
    const heading = /^(#{1,3}) (.+)$/.exec(line);
    const fence = /^```(\w*)$/.exec(line);
    if (line.trim() === "") {
      at += 1;
    } else if (heading !== null) {
      at += 1;
      const title = heading[2] ?? "";
      found.push({ is: "heading", level: heading[1]?.length ?? 1, anchor: anchorOf(title), inside: inline(title) });
    } else if (fence !== null) {
      at += 1;
      const code = { language: fence[1] ?? "", text: take((next) => next !== "```").join("\n") };
      at += 1;
      const before = found.at(-1);
      if (before?.is === "code") before.codes.push(code);
      else found.push({ is: "code", codes: [code] });
    } else if (line.startsWith("|")) {
      const [head = "", , ...rows] = take((next) => next.startsWith("|"));
      found.push({ is: "table", head: cells(head), rows: rows.map(cells) });
    } else if (/^(-|\d+\.) /.test(line)) {
      const ordered = !line.startsWith("-");
      const items = take((next) => /^(-|\d+\.) /.test(next)).map((item) => inline(item.replace(/^(-|\d+\.) /, "")));
      found.push({ is: "list", ordered, items });
    } else {
      found.push({ is: "paragraph", inside: inline(take((next) => next.trim() !== "" && !/^(#|```|\||- |\d+\. )/.test(next)).join(" ")) });
    }
  }
  return found;
}

export interface Section {
  heading: string;
  anchor: string;
  body: string;
}

/** A page cut at its headings; the first section is the page itself, with an empty anchor. */
export function sectionsOf(text: string): Section[] {
  const sections: Section[] = [];
  let fenced = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("```")) fenced = !fenced;
    const heading = fenced ? null : /^(#{1,3}) (.+)$/.exec(line);
    if (heading !== null) {
      const title = (heading[2] ?? "").replace(/[`*]/g, "");
      sections.push({ heading: title, anchor: sections.length === 0 ? "" : anchorOf(title), body: "" });
    } else {
      const last = sections.at(-1);
      if (last !== undefined) last.body += `${line}\n`;
    }
  }
  return sections;
}

/** What a reader sees of it, on one line. */
export function plainText(text: string): string {
  return text
    .replace(/^```.*$/gm, "")
    .replace(/^\|[\s|-]+\|$/gm, "")
    .replace(/\[([^\]]+)\]\([^)]+\)/g, "$1")
    .replace(/[`*|]/g, " ")
    .replace(/^(-|\d+\.) /gm, "")
    .replace(/\s+/g, " ")
    .trim();
}
