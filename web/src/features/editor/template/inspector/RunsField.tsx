// The words of a heading or a text: one text, parts with a look of their own, or, of a text, several paragraphs and lists.

import { useTranslation } from "react-i18next";

import { isObject } from "~/lib/document/pointer";
import type { JsonObject } from "~/lib/document/types";
import { PART, VALUE_PART } from "~/lib/template/members";
import { asPassages, wordsOf } from "~/lib/template/passages";
import { TemplateField } from "~/features/editor/chips/TemplateField";
import { Items } from "~/features/editor/widgets/Items";
import { useBlockCommands, useSourcesAt } from "../commands";
import { shortText } from "../words";
import { MemberForm } from "./MemberForm";
import type { MemberProps } from "./MemberForm";
import { PassagesField } from "./PassagesField";
import { useOpenEntry } from "./opened";
import widgets from "~/features/editor/widgets/widgets.module.css";

export function RunsField({ path, record, label, error, value, onChange }: MemberProps) {
  const { t } = useTranslation("template");
  const commands = useBlockCommands();
  const own = [...path, "runs"];
  const sources = useSourcesAt(path);
  const [open, setOpen] = useOpenEntry(own);
  const runs = Array.isArray(record["runs"]) ? record["runs"].filter(isObject) : [];
  const words = (source: unknown) => (typeof source === "string" ? source : "");
  // A heading is one paragraph, and so is one within a text.
  const isText = record["type"] === "text" && typeof record["id"] === "string";
  if (isText && Array.isArray(record["content"])) {
    return (
      <div>
        <div className={widgets["labelRow"]}><span className={widgets["label"]}>{label}</span></div>
        {error && <div className={widgets["error"]}>{error}</div>}
        <PassagesField path={path} record={record} label={label} />
        <button type="button" className={widgets["add"]} onClick={() => commands.set(path, { text: wordsOf(record), content: undefined }, label)}>{t("runs.join")}</button>
      </div>
    );
  }
  const divide = isText && (
    <button type="button" className={widgets["add"]} onClick={() => commands.set(path, { content: asPassages(record), text: undefined, runs: undefined }, label)}>{t("passages.divide")}</button>
  );
  if (runs.length === 0) {
    return (
      <div>
        <TemplateField label={label} error={error} value={words(value)} sources={sources} onChange={onChange} />
        <button type="button" className={widgets["add"]} onClick={() => commands.set(path, { runs: [{ text: words(value) }, { text: "" }], text: undefined }, label)}>{t("runs.split")}</button>
        {divide}
      </div>
    );
  }
  const add = (run: JsonObject) => {
    commands.set(path, { runs: [...runs, run] }, label);
    setOpen(runs.length);
  };
  return (
    <div>
      <div className={widgets["labelRow"]}><span className={widgets["label"]}>{label}</span></div>
      {error && <div className={widgets["error"]}>{error}</div>}
      <Items
        label={label} items={runs} open={open} onOpen={setOpen} title={(run) => shortText(words(run["text"] ?? run["value"])) || t("entry.number", { number: runs.indexOf(run) + 1 })}
        onChange={(next) => commands.set(path, { runs: next }, label)}
        addLabel={t("runs.add")}
        onAdd={() => add({ text: "" })}
        body={(run, index) => <MemberForm members={run["value"] === undefined ? PART : VALUE_PART} path={[...own, index]} />}
      />
      <button type="button" className={widgets["add"]} onClick={() => add({ value: "" })}>{t("runs.addValue")}</button>
      <button
        type="button" className={widgets["add"]}
        onClick={() => commands.set(path, { text: runs.map((run) => words(run["text"] ?? run["value"])).join(""), runs: undefined }, label)}
      >{t("runs.join")}</button>
      {divide}
    </div>
  );
}
