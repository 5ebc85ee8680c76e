// The words of a heading or a text: one text, or parts with a look of their own.

import { useTranslation } from "react-i18next";

import { isObject } from "~/lib/document/pointer";
import { pieces } from "~/lib/expression/template";
import type { Member } from "~/lib/template/members";
import { TemplateField } from "~/features/editor/chips/TemplateField";
import { Items } from "~/features/editor/widgets/Items";
import { useBlockCommands, useSourcesAt } from "../commands";
import { MemberForm } from "./MemberForm";
import type { MemberProps } from "./MemberForm";
import { useOpenEntry } from "./opened";
import widgets from "~/features/editor/widgets/widgets.module.css";

const PART: readonly Member[] = [
  { name: "text", tab: "content", widget: "text" },
  { name: "bold", tab: "look", widget: "flag" },
  { name: "italic", tab: "look", widget: "flag" },
  { name: "colour", tab: "look", widget: "colour" },
  { name: "link", tab: "content", widget: "line" },
  { name: "language", tab: "look", widget: "language" },
];

export function RunsField({ path, record, label, error, value, onChange }: MemberProps) {
  const { t } = useTranslation("template");
  const commands = useBlockCommands();
  const own = [...path, "runs"];
  const sources = useSourcesAt(path);
  const [open, setOpen] = useOpenEntry(own);
  const runs = Array.isArray(record["runs"]) ? record["runs"].filter(isObject) : [];
  const words = (source: unknown) => (typeof source === "string" ? source : "");
  if (runs.length === 0) {
    return (
      <div>
        <TemplateField label={label} error={error} value={words(value)} sources={sources} onChange={onChange} />
        <button type="button" className={widgets["add"]} onClick={() => commands.set(path, { runs: [{ text: words(value) }, { text: "" }], text: undefined }, label)}>{t("runs.split")}</button>
      </div>
    );
  }
  const short = (source: string) => pieces(source).map((piece) => (piece.type === "text" ? piece.text : piece.type === "chip" ? (piece.chip.path.at(-1) ?? "") : "…")).join("").trim();
  return (
    <div>
      <div className={widgets["labelRow"]}><span className={widgets["label"]}>{label}</span></div>
      {error && <div className={widgets["error"]}>{error}</div>}
      <Items
        label={label} items={runs} open={open} onOpen={setOpen} title={(run) => short(words(run["text"])) || t("entry.number", { number: runs.indexOf(run) + 1 })}
        onChange={(next) => commands.set(path, { runs: next }, label)}
        addLabel={t("runs.add")}
        onAdd={() => {
          commands.set(path, { runs: [...runs, { text: "" }] }, label);
          setOpen(runs.length);
        }}
        body={(_, index) => <MemberForm members={PART} path={[...own, index]} />}
      />
      <button
        type="button" className={widgets["add"]}
        onClick={() => commands.set(path, { text: runs.map((run) => words(run["text"])).join(""), runs: undefined }, label)}
      >{t("runs.join")}</button>
    </div>
  );
}
