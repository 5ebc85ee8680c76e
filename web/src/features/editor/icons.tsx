// Icons by the names the catalogue uses. A name that is not here falls back to its family's icon, so an unknown step still
// shows where its values come from.

import {
  AlignLeft, Archive, Banknote, Bell, BookOpen, Bot, Braces, Calculator, Calendar, CalendarClock, CircleDashed, CircleDot, ClipboardList,
  Clock, Cloud, Coins, Combine, Database, FileArchive, FileCheck, FileCode, FileImage, FileInput, FileOutput, FilePlus, FileSpreadsheet,
  FileText, Filter, FormInput, GitBranch, GitMerge, Globe, Hash, Image, Inbox, Languages, Link, List, ListChecks, Mail, MapPin,
  MessageSquare, PenLine, Percent, Printer, QrCode, Receipt, Repeat, Search, Send, Server, Shuffle, Sigma, Sparkles, Split, Table, Tag,
  Text, Timer, ToggleLeft, Type, Upload, UserCheck, Users, Variable, Webhook, Workflow, Zap, Paperclip, Phone, AtSign, Rows3, SquareCheck, Box, Equal, Download,
} from "lucide-react";
import type { LucideIcon } from "lucide-react";

import type { Family } from "~/lib/document/types";
import type { KindName } from "~/lib/expression/kind";
import classes from "./icons.module.css";

const BY_NAME: Record<string, LucideIcon> = {
  "align-left": AlignLeft, archive: Archive, banknote: Banknote, bell: Bell, "book-open": BookOpen, bot: Bot, braces: Braces,
  calculator: Calculator, calendar: Calendar, "calendar-clock": CalendarClock, "circle-dot": CircleDot, "clipboard-list": ClipboardList,
  clock: Clock, cloud: Cloud, coins: Coins, combine: Combine, database: Database, "file-archive": FileArchive, "file-check": FileCheck,
  "file-code": FileCode, "file-image": FileImage, "file-input": FileInput, "file-output": FileOutput, "file-plus": FilePlus,
  "file-spreadsheet": FileSpreadsheet, "file-text": FileText, filter: Filter, "form-input": FormInput, "git-branch": GitBranch,
  "git-merge": GitMerge, globe: Globe, hash: Hash, image: Image, inbox: Inbox, languages: Languages, link: Link, list: List,
  "list-checks": ListChecks, mail: Mail, "map-pin": MapPin, "message-square": MessageSquare, "pen-line": PenLine, percent: Percent,
  printer: Printer, "qr-code": QrCode, receipt: Receipt, repeat: Repeat, search: Search, send: Send, server: Server, shuffle: Shuffle,
  sigma: Sigma, sparkles: Sparkles, split: Split, table: Table, tag: Tag, text: Text, timer: Timer, type: Type, upload: Upload,
  "user-check": UserCheck, users: Users, variable: Variable, webhook: Webhook, workflow: Workflow, zap: Zap, equal: Equal, download: Download,
};

const BY_FAMILY: Record<Family, LucideIcon> = {
  asked: ClipboardList, written: PenLine, computed: Sigma, made: FileText, sent: Send, looked: Globe,
};

const BY_KIND: Record<KindName, LucideIcon> = {
  text: Type, integer: Hash, decimal: Hash, money: Coins, date: Calendar, time: Clock, instant: CalendarClock, yes_no: ToggleLeft,
  choice: CircleDot, list: List, record: Braces, file: Paperclip, any: Variable,
};

/** Icons of the answers a form can ask for. */
const BY_ANSWER: Record<string, LucideIcon> = {
  text: Type, long_text: AlignLeft, email: AtSign, phone: Phone, number: Hash, money: Coins, date: Calendar, select: CircleDot,
  multi_select: ListChecks, checkbox: SquareCheck, file: Paperclip, rows: Rows3,
};

export const FAMILIES: readonly Family[] = ["asked", "written", "computed", "made", "sent", "looked"];

interface TileProps {
  family: Family | null;
  icon: string | undefined;
  size?: number;
}

/** A step's icon on its origin's soft fill; grey when the step's kind is unknown here. */
export function StepIcon({ family, icon, size = 26 }: TileProps) {
  const Shape = (icon && BY_NAME[icon]) || (family ? BY_FAMILY[family] : Box);
  return (
    <span
      className={classes.tile}
      aria-hidden
      style={{ inlineSize: size, blockSize: size, color: family ? `var(--${family})` : "var(--text3)", background: family ? `var(--${family}-soft)` : "var(--sunken)" }}
    >
      <Shape size={Math.round(size * 0.58)} strokeWidth={1.75} />
    </span>
  );
}

export function KindIcon({ kind, long = false, size = 14 }: { kind: KindName | undefined; long?: boolean; size?: number }) {
  const Shape = long ? AlignLeft : kind ? BY_KIND[kind] : CircleDashed;
  return <Shape size={size} strokeWidth={1.75} aria-hidden />;
}

export function AnswerIcon({ kind, size = 16 }: { kind: string; size?: number }) {
  const Shape = BY_ANSWER[kind] ?? Variable;
  return <Shape size={size} strokeWidth={1.75} aria-hidden />;
}

/** The drawing of a kind's icon for places that are not React's, such as chips inside a text editor. */
export const KIND_PATHS: Record<string, string> = {
  text: "M4 7V5a1 1 0 0 1 1-1h14a1 1 0 0 1 1 1v2M9 20h6M12 4v16",
  long: "M15 12H3M17 18H3M21 6H3",
  integer: "M4 9h16M4 15h16M10 3 8 21M16 3l-2 18",
  decimal: "M4 9h16M4 15h16M10 3 8 21M16 3l-2 18",
  money: "M14 8a6 6 0 1 1-12 0 6 6 0 0 1 12 0M18.1 10.4a6 6 0 1 1-7.7 7.9M7 6h1v4",
  date: "M8 2v4M16 2v4M3 10h18M5 4h14a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z",
  time: "M12 6v6l4 2M22 12a10 10 0 1 1-20 0 10 10 0 0 1 20 0",
  instant: "M12 6v6l4 2M22 12a10 10 0 1 1-20 0 10 10 0 0 1 20 0",
  yes_no: "M9 7h6a5 5 0 0 1 0 10H9A5 5 0 0 1 9 7zM11 12a2 2 0 1 1-4 0 2 2 0 0 1 4 0",
  choice: "M22 12a10 10 0 1 1-20 0 10 10 0 0 1 20 0M13 12a1 1 0 1 1-2 0 1 1 0 0 1 2 0",
  list: "M8 6h13M8 12h13M8 18h13M3 6h.01M3 12h.01M3 18h.01",
  record: "M8 3H7a2 2 0 0 0-2 2v5a2 2 0 0 1-2 2 2 2 0 0 1 2 2v5a2 2 0 0 0 2 2h1M16 21h1a2 2 0 0 0 2-2v-5a2 2 0 0 1 2-2 2 2 0 0 1-2-2V5a2 2 0 0 0-2-2h-1",
  file: "m16 6-8.4 8.6a2 2 0 0 0 2.8 2.8L18.8 8.8a4 4 0 0 0-5.6-5.6l-8.4 8.5a6 6 0 0 0 8.5 8.5l8.4-8.5",
  any: "M8 21s-4-3-4-9 4-9 4-9M16 3s4 3 4 9-4 9-4 9M15 9l-6 6M9 9l6 6",
};
