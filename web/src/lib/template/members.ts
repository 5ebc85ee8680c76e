// What can be set of each kind of block, and how: one table for every form of the template editor. Mirrors the readers in
// `server/document/src/template/blocks`, whose bounds and defaults these are.

import type { JsonObject } from "../document/types";

export type Tab = "content" | "look" | "rules";

export type Widget =
  /** Words with values in them, in one line or several. */
  | "line" | "text"
  /** A text, or parts with a look of their own. */
  | "runs"
  /** An expression that is true or not. */
  | "condition"
  /** A list, chosen among those that can be read here. */
  | "list"
  | "flag" | "number" | "choice" | "colour" | "language"
  /** Of a column: millimetres, a share, or as wide as its content. */
  | "width"
  /** Records with members of their own. */
  | "entries"
  /** Columns of a table: entries whose sums stand below. */
  | "columns"
  /** A record with members of its own, which is there or not. */
  | "record"
  /** How a value is written. */
  | "format"
  /** Words without values in them. */
  | "plain"
  /** The name of a font. */
  | "font"
  /** A file that goes with the pages. */
  | "file"
  | "picture" | "payment";

export interface Member {
  name: string;
  tab: Tab;
  widget: Widget;
  /** Where its name alone says too little: a key of its own in the messages. */
  label?: string;
  least?: number;
  most?: number;
  step?: number;
  whole?: boolean;
  unit?: "mm" | "pt";
  /** What counts where the template says nothing. */
  usual?: number | boolean | string;
  choices?: readonly (string | number)[];
  /** Members of a record, or of one entry of several. */
  of?: readonly Member[];
  /** What a record, or a new entry, begins with. */
  start?: JsonObject;
  /** What should be known before it is set: a key in the messages. */
  help?: string;
  /** Kinds of files that can be chosen; any when absent. */
  accept?: string;
  /** Matters only beside this member, or where it has this value (`name=value`), or where that is not so (`!`), and goes with it. */
  needs?: string;
}

const flag = (name: string, tab: Tab, more: Partial<Member> = {}): Member => ({ name, tab, widget: "flag", usual: false, ...more });
const mm = (name: string, tab: Tab, least: number, most: number, more: Partial<Member> = {}): Member => ({ name, tab, widget: "number", unit: "mm", least, most, step: 0.5, ...more });
const points = (name: string, least: number, most: number, more: Partial<Member> = {}): Member => ({ name, tab: "look", widget: "number", unit: "pt", least, most, step: 0.5, ...more });
const count = (name: string, tab: Tab, least: number, most: number, more: Partial<Member> = {}): Member => ({ name, tab, widget: "number", whole: true, step: 1, least, most, ...more });
const line = (name: string, more: Partial<Member> = {}): Member => ({ name, tab: "content", widget: "line", ...more });
const choice = (name: string, tab: Tab, choices: readonly (string | number)[], more: Partial<Member> = {}): Member => ({ name, tab, widget: "choice", choices, ...more });

const ALIGN = choice("align", "look", ["start", "center", "end"], { usual: "start" });
const SIZE = points("size", 4, 100);
const WHEN: Member = { name: "when", tab: "rules", widget: "condition" };
const DIRECTION = choice("direction", "look", ["", "auto", "ltr", "rtl"], { usual: "" });
const STRONG = flag("strong", "content");
const FORMAT: Member = { name: "format", tab: "content", widget: "format" };
const FONT: Member = { name: "font", tab: "look", widget: "font", usual: "" };

/** What every block has. */
export const COMMON: readonly Member[] = [
  WHEN,
  flag("break_before", "rules"),
  flag("keep_with_next", "rules"),
  mm("before", "rules", 0, 200, { usual: 0 }),
  mm("after", "rules", 0, 200),
  { name: "language", tab: "rules", widget: "language" },
  choice("direction", "rules", ["", "auto", "ltr", "rtl"], { usual: "" }),
];

const TEXT_LOOK: readonly Member[] = [
  SIZE,
  { name: "colour", tab: "look", widget: "colour" },
  flag("bold", "look"),
  flag("italic", "look"),
  FONT,
  choice("align", "look", ["start", "center", "end", "justify"], { usual: "start" }),
  { name: "line_height", tab: "look", widget: "number", least: 0.8, most: 4, step: 0.05 },
  { name: "tracking", tab: "look", widget: "number", least: -100, most: 1000, step: 5, usual: 0 },
  flag("tabular", "look"),
  flag("hyphenate", "look"),
  count("max_lines", "rules", 1, 500),
  choice("overflow", "rules", ["next_page", "shrink", "cut"], { usual: "next_page", needs: "max_lines" }),
  points("min_size", 4, 100, { tab: "rules", needs: "max_lines" }),
  count("orphans", "rules", 1, 20),
  count("widows", "rules", 1, 20),
];

const colour = (name: string, more: Partial<Member> = {}): Member => ({ name, tab: "look", widget: "colour", ...more });

const OWN_LANGUAGE: Member = { name: "language", tab: "content", widget: "language", label: "format_language" };
const EMPTY_VALUE: Member = { name: "empty", tab: "content", widget: "plain", label: "empty_value" };
const DECIMALS = count("decimals", "content", 0, 10);

/** What can be chosen of each way to write a value. */
export const FORMATS: Readonly<Record<string, readonly Member[]>> = {
  text: [EMPTY_VALUE],
  money: [{ name: "currency", tab: "content", widget: "plain" }, OWN_LANGUAGE, EMPTY_VALUE],
  amount: [OWN_LANGUAGE, EMPTY_VALUE],
  number: [DECIMALS, OWN_LANGUAGE, EMPTY_VALUE],
  percent: [DECIMALS, OWN_LANGUAGE, EMPTY_VALUE],
  date: [
    { name: "style", tab: "content", widget: "plain", label: "date_style", choices: ["long", "medium", "short", "weekday", "day_month", "month", "iso"] },
    OWN_LANGUAGE, EMPTY_VALUE,
  ],
  time: [EMPTY_VALUE],
};

/** What is added up below a column. */
export const TOTALS: readonly string[] = ["sum", "avg", "count", "min", "max"];

const PART_LOOK: readonly Member[] = [
  flag("bold", "look"), flag("italic", "look"), flag("underline", "look"), flag("strike", "look"),
  colour("colour"),
  { name: "link", tab: "content", widget: "line" },
  { name: "language", tab: "look", widget: "language" },
];

/** A part of a text with a look of its own: words, or one value. */
export const PART: readonly Member[] = [{ name: "text", tab: "content", widget: "text" }, ...PART_LOOK];
export const VALUE_PART: readonly Member[] = [line("value"), FORMAT, ...PART_LOOK];

const TABLE_LOOK: readonly Member[] = [
  flag("lines", "look", { usual: true, label: "table_lines" }),
  flag("grid", "look"),
  colour("line_colour", { label: "table_line_colour" }),
  flag("zebra", "look"),
  colour("zebra_fill", { needs: "zebra" }),
  mm("padding", "look", 0, 20, { usual: 1.6, label: "row_padding" }),
  mm("gutter", "look", 0, 30, { usual: 4 }),
  { name: "head", tab: "look", widget: "record", start: { bold: true }, of: [colour("fill"), colour("colour"), flag("bold", "look")] },
  SIZE,
];

/** What a field of the document says of itself beside its kind. */
export const SOURCES: readonly string[] = ["asked", "written", "computed"];
export const OVERFLOWS: readonly string[] = ["next_page", "shrink", "cut"];

const ALT = line("alt");
const EMPTY = line("empty");

const PICTURE: readonly Member[] = [
  { name: "source", tab: "content", widget: "picture" },
  { ...ALT, needs: "!decorative" },
  flag("decorative", "content"),
  mm("width", "look", 1, 400, { usual: 40, label: "width_at_most" }),
  mm("height", "look", 1, 400, { usual: 40, label: "height_at_most" }),
  ALIGN,
];

/** Of a payment code, by the record that holds them. */
export const PAYMENT: readonly Member[] = ["name", "iban", "bic", "amount", "reference", "creditor_reference", "purpose"].map((name) => line(name, { label: `payment_${name}` }));

const ADDRESS: readonly Member[] = ["name", "street", "building", "post_code", "city", "country"].map((name) => line(name, { label: `address_${name}` }));

export const MEMBERS: Readonly<Record<string, readonly Member[]>> = {
  heading: [{ name: "text", tab: "content", widget: "runs" }, choice("level", "content", [1, 2, 3], { usual: 1 }), ...TEXT_LOOK],
  text: [{ name: "text", tab: "content", widget: "runs" }, ...TEXT_LOOK],
  markdown: [{ name: "text", tab: "content", widget: "text" }, ...TEXT_LOOK],
  image: PICTURE,
  columns: [
    {
      name: "columns", tab: "content", widget: "entries", least: 1, most: 8,
      of: [{ name: "width", tab: "look", widget: "width", usual: "1fr" }, choice("vertical", "look", ["top", "middle"], { usual: "top" }), DIRECTION],
    },
    mm("gap", "look", 0, 100, { usual: 6 }),
  ],
  box: [
    { name: "fill", tab: "look", widget: "colour" },
    { name: "border", tab: "look", widget: "colour" },
    mm("padding", "look", 0, 60, { usual: 4 }),
    mm("radius", "look", 0, 30, { usual: 0 }),
    mm("min_height", "look", 0, 400, { usual: 0 }),
    flag("bleed", "look"),
  ],
  table: [
    { name: "rows", tab: "content", widget: "list", label: "one_row_for_each" },
    {
      name: "columns", tab: "content", widget: "columns", least: 1, most: 20,
      of: [
        line("heading"), line("value"), FORMAT, line("detail"),
        { name: "width", tab: "look", widget: "width", usual: "1fr" },
        choice("align", "look", ["start", "center", "end", "decimal"], { usual: "start" }),
        flag("bold", "look"), DIRECTION,
      ],
    },
    line("total_label"),
    {
      name: "group", tab: "content", widget: "record", start: { by: "" },
      of: [line("by"), line("heading", { label: "group_heading" }), line("total_label"), flag("keep_together", "rules"), flag("new_page", "rules")],
    },
    EMPTY,
    flag("hide_empty", "content"),
    flag("repeat_heading", "rules", { usual: true }),
    flag("split_rows", "rules", { usual: true }),
    count("keep_first", "rules", 1, 20, { usual: 1 }),
    ...TABLE_LOOK,
  ],
  tax_table: [
    { name: "taxes", tab: "content", widget: "list" },
    { name: "headings", tab: "content", widget: "record", start: {}, of: ["rate", "net", "tax", "gross"].map((name) => line(name, { label: `tax_${name}` })) },
    line("total_label"),
    ...TABLE_LOOK,
  ],
  key_value: [
    { name: "items", tab: "content", widget: "entries", least: 0, most: 100, of: [line("label"), line("value"), FORMAT, STRONG, WHEN] },
    count("columns", "look", 0, 8, { usual: 0, label: "pair_columns" }),
    mm("label_width", "look", 5, 150),
    ALIGN,
    SIZE,
  ],
  totals: [
    {
      name: "lines", tab: "content", widget: "entries", least: 0, most: 100,
      of: [{ name: "each", tab: "content", widget: "list" }, line("label"), line("value"), FORMAT, STRONG, WHEN],
    },
    mm("width", "look", 20, 400, { usual: 75 }),
    SIZE,
  ],
  qr: [
    { name: "payment", tab: "content", widget: "payment" },
    ALT,
    mm("size", "look", 8, 150, { usual: 26, label: "edge" }),
    ALIGN,
  ],
  barcode: [
    choice("symbology", "content", ["code128", "ean13"], { usual: "code128" }),
    line("content"),
    ALT,
    flag("text", "look", { usual: true, label: "barcode_text" }),
    mm("height", "look", 5, 100, { usual: 15 }),
    mm("module", "look", 0.19, 1, { usual: 0.33, step: 0.01 }),
    ALIGN,
  ],
  swiss_bill: [
    line("iban", { label: "payment_iban" }),
    { name: "creditor", tab: "content", widget: "record", label: "payment_name", start: {}, of: ADDRESS },
    line("amount", { label: "payment_amount" }),
    line("currency", { label: "bill_currency" }),
    line("reference", { label: "bill_reference" }),
    { name: "debtor", tab: "content", widget: "record", label: "bill_debtor", start: {}, of: ADDRESS },
    line("message", { label: "bill_message" }),
    line("billing", { label: "bill_billing" }),
    choice("separation", "look", ["scissors", "words", "perforation"], { usual: "scissors" }),
  ],
  plan: [
    { name: "days", tab: "content", widget: "list", label: "plan_days" },
    line("day_label", { needs: "days" }),
    line("day_title", { needs: "days" }),
    line("day_text", { needs: "days" }),
    { name: "entries", tab: "content", widget: "list", label: "plan_entries" },
    line("time", { label: "plan_time" }),
    line("time_note"),
    line("title", { label: "plan_title" }),
    line("place"),
    { name: "text", tab: "content", widget: "text" },
    { name: "picture", tab: "content", widget: "record", start: { source: "{{ firm.logo }}", decorative: true }, of: PICTURE },
    EMPTY,
    choice("picture_place", "look", ["beside", "above"], { usual: "beside", needs: "picture" }),
    mm("time_width", "look", 5, 80),
    colour("colour"),
    SIZE,
  ],
  signature: [
    line("label"), line("name", { label: "signer" }), line("date", { label: "signature_date" }),
    mm("width", "look", 20, 200, { usual: 70 }),
    mm("height", "look", 5, 60, { usual: 14, label: "room_above" }),
    ALIGN,
  ],
  chart: [
    choice("kind", "content", ["bar", "line", "pie"], { usual: "bar", label: "chart_kind" }),
    { name: "rows", tab: "content", widget: "list", label: "chart_rows" },
    line("label", { label: "row_name" }),
    {
      name: "series", tab: "content", widget: "entries", least: 1, most: 8,
      of: [line("name", { label: "series_name" }), line("value"), { name: "colour", tab: "look", widget: "colour" }],
    },
    ALT,
    EMPTY,
    flag("stacked", "look"),
    mm("height", "look", 20, 250, { usual: 60 }),
    SIZE,
  ],
  rule: [{ name: "colour", tab: "look", widget: "colour" }, points("thickness", 0.1, 20, { usual: 0.6, step: 0.1 })],
  spacer: [mm("height", "look", 0, 400, { usual: 5 })],
  page_break: [],
  keep_together: [],
  repeat: [{ name: "list", tab: "content", widget: "list", label: "once_for_each" }, EMPTY],
  if: [{ name: "when", tab: "content", widget: "condition", label: "shown_if" }],
};

/** Every kind of block, as the palette offers them. */
export const KINDS: readonly string[] = [
  "heading", "text", "markdown", "image", "columns", "table", "tax_table", "key_value", "totals", "plan", "chart", "qr", "swiss_bill", "barcode", "signature", "box",
  "rule", "spacer", "page_break", "keep_together", "repeat", "if",
];

/** All that can be set of a block; what it keeps for itself stands in its own place only. */
export function membersOf(type: string): readonly Member[] {
  const own = MEMBERS[type] ?? [];
  const all = [...own, ...COMMON.filter((common) => !own.some((member) => member.name === common.name))];
  if (type !== "heading") return all;
  // Headings are bold and stay with what follows by themselves.
  return all.map((member) => (member.name === "bold" || member.name === "keep_with_next" ? { ...member, usual: true } : member));
}

const PDF = "application/pdf";
const file = (accept: string | undefined): Member => ({ name: "source", tab: "content", widget: "file", label: "file", ...(accept === undefined ? {} : { accept }) });
const GROUND = file(`${PDF},image/png,image/jpeg,image/webp,image/svg+xml`);
const SHEETS: readonly Member[] = [file(PDF), line("name", { label: "file_name" }), WHEN];
const allowed = (name: string) => flag(name, "rules", { usual: true, label: `allow_${name}` });

/** Of the page, by the record that holds them. */
export const PAGE: Readonly<Record<"document" | "page" | "margins" | "theme" | "header" | "footer" | "extras", readonly Member[]>> = {
  document: [line("title", { label: "document_title" }), { name: "language", tab: "look", widget: "language", label: "document_language" }],
  page: [
    choice("size", "look", ["A4", "A5", "Letter", "Legal", "custom"], { usual: "A4", label: "paper" }),
    mm("width", "look", 30, 2000, { usual: 210, needs: "size=custom" }),
    mm("height", "look", 20, 2000, { usual: 297, needs: "size=custom" }),
    choice("orientation", "look", ["portrait", "landscape"], { usual: "portrait", needs: "!size=custom" }),
    choice("direction", "look", ["ltr", "rtl"], { usual: "ltr", label: "page_direction" }),
  ],
  margins: [
    mm("top", "look", 0, 60, { usual: 18 }), mm("bottom", "look", 0, 60, { usual: 16 }),
    mm("left", "look", 5, 60, { usual: 18 }), mm("right", "look", 5, 60, { usual: 18 }),
  ],
  theme: [
    { name: "accent", tab: "look", widget: "colour", usual: "#2b47c9" },
    { name: "text", tab: "look", widget: "colour", usual: "#1c1b19", label: "text_colour" },
    { name: "muted", tab: "look", widget: "colour", usual: "#6e6b64" },
    { name: "line", tab: "look", widget: "colour", usual: "#dedcd6", label: "line_colour" },
    { name: "fill", tab: "look", widget: "colour", usual: "#f4f3f0", label: "fill_colour" },
    { ...FONT, usual: "sans" },
    { ...FONT, name: "heading_font", usual: "sans" },
    points("size", 5, 24, { usual: 9.5, step: 0.1 }),
    { name: "line_height", tab: "look", widget: "number", least: 1, most: 3, step: 0.05, usual: 1.45 },
    mm("gap", "look", 0, 30, { usual: 3, label: "block_gap" }),
    flag("hyphenate", "look"),
    count("orphans", "look", 1, 20, { usual: 2 }),
    count("widows", "look", 1, 20, { usual: 2 }),
  ],
  header: [mm("gap", "look", 0, 60, { usual: 6, label: "header_gap" })],
  footer: [mm("gap", "look", 0, 60, { usual: 6, label: "footer_gap" })],
  extras: [
    {
      name: "watermark", tab: "look", widget: "record", start: { text: "" },
      of: [
        line("text", { label: "watermark_text" }),
        colour("colour"),
        { name: "opacity", tab: "look", widget: "number", least: 0.02, most: 1, step: 0.01, usual: 0.15 },
        { name: "angle", tab: "look", widget: "number", least: -90, most: 90, step: 1 },
        WHEN,
      ],
    },
    {
      name: "letterhead", tab: "look", widget: "record", start: {}, help: "letterhead",
      of: [GROUND, flag("first_only", "look"), { name: "following", tab: "look", widget: "record", start: {}, of: [GROUND], needs: "!first_only" }, WHEN],
    },
    { name: "prepend", tab: "content", widget: "entries", least: 0, most: 50, start: {}, of: SHEETS, help: "sheets" },
    { name: "append", tab: "content", widget: "entries", least: 0, most: 50, start: {}, of: SHEETS, help: "sheets" },
    {
      name: "attachments", tab: "content", widget: "entries", least: 0, most: 50, start: {},
      of: [
        file(undefined), line("name", { label: "file_name" }), line("description"),
        choice("relationship", "content", ["supplement", "data", "source", "alternative", "unspecified"], { usual: "supplement" }),
        WHEN,
      ],
    },
    {
      name: "password", tab: "rules", widget: "record", start: { open: "" }, help: "password",
      of: [line("open"), line("owner"), allowed("print"), allowed("copy"), allowed("change"), allowed("annotate"), WHEN],
    },
  ],
};

/** Colours that a theme names. */
export const COLOURS: readonly string[] = ["accent", "text", "muted", "line", "fill"];

type Settings = Readonly<Record<string, unknown>>;

const isSet = (record: Settings, name: string) => record[name] !== undefined && record[name] !== false;

function isMet(needs: string, record: Settings): boolean {
  if (needs.startsWith("!")) return !isMet(needs.slice(1), record);
  const [name = "", value] = needs.split("=");
  return value === undefined ? isSet(record, name) : record[name] === value;
}

/** Members that matter with what is set beside them. */
export function mattering(members: readonly Member[], record: Settings): Member[] {
  return members.filter(({ needs, name }) => needs === undefined || isSet(record, name) || isMet(needs, record));
}

/** The names of members that mattered before a change and do not after it. */
export function gone(members: readonly Member[], before: Settings, after: Settings): string[] {
  const matters = (needs: string | undefined, record: Settings) => needs === undefined || isMet(needs, record);
  return members.filter(({ needs }) => matters(needs, before) && !matters(needs, after)).map(({ name }) => name);
}
