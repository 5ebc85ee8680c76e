// A text of several paragraphs and lists, which may hold lists of their own.

import { NumberInput, Switch } from "@mantine/core";
import { useId } from "react";
import { useTranslation } from "react-i18next";

import { isObject } from "~/lib/document/pointer";
import type { Path } from "~/lib/document/pointer";
import type { JsonObject } from "~/lib/document/types";
import { MOST_LISTS, wordsOf } from "~/lib/template/passages";
import { typedNumber } from "~/lib/typed-number";
import { Items } from "~/features/editor/widgets/Items";
import { useBlockCommands } from "../commands";
import { shortText } from "../words";
import { RunsField } from "./RunsField";
import { useOpenEntry } from "./opened";
import widgets from "~/features/editor/widgets/widgets.module.css";

const TEXT = { name: "text", tab: "content", widget: "runs" } as const;

interface Props {
  /** The record whose `content` they are. */
  path: Path;
  record: JsonObject;
  label: string;
  /** Lists that it lies in. */
  depth?: number;
}

export function PassagesField({ path, record, label, depth = 0 }: Props) {
  const { t } = useTranslation("template");
  const commands = useBlockCommands();
  const own = [...path, "content"];
  const [open, setOpen] = useOpenEntry(own);
  const passages = Array.isArray(record["content"]) ? record["content"].filter(isObject) : [];
  const add = (passage: JsonObject) => {
    commands.set(path, { content: [...passages, passage] }, label);
    setOpen(passages.length);
  };
  return (
    <div>
      <Items
        label={label} items={passages} open={open} onOpen={setOpen} title={(passage) => shortText(wordsOf(passage)) || t("entry.number", { number: passages.indexOf(passage) + 1 })}
        tail={(passage) => (passage["type"] === "list" ? t("passages.list") : "")}
        onChange={(next) => commands.set(path, { content: next }, label)}
        addLabel={t("passages.addParagraph")} onAdd={() => add({ text: "" })}
        body={(passage, index) => (passage["type"] === "list"
          ? <ListOf path={[...own, index]} list={passage} label={label} depth={depth + 1} />
          : <RunsField member={TEXT} path={[...own, index]} record={passage} label={t("member.text")} error={null} value={passage["text"]} onChange={(next) => commands.set([...own, index], { text: next ?? "" }, label)} />)}
      />
      {depth < MOST_LISTS && <button type="button" className={widgets["add"]} onClick={() => add({ type: "list", items: [{ content: [{ text: "" }] }] })}>{t("passages.addList")}</button>}
    </div>
  );
}

function ListOf({ path, list, label, depth }: { path: Path; list: JsonObject; label: string; depth: number }) {
  const { t } = useTranslation("template");
  const commands = useBlockCommands();
  const id = useId();
  const own = [...path, "items"];
  const [open, setOpen] = useOpenEntry(own);
  const items = Array.isArray(list["items"]) ? list["items"].filter(isObject) : [];
  const ordered = list["ordered"] === true;
  return (
    <>
      <div className={widgets["switchRow"]}>
        <label className={widgets["label"]} htmlFor={id}>{t("passages.ordered")}</label>
        <Switch id={id} checked={ordered} onChange={(event) => commands.set(path, event.currentTarget.checked ? { ordered: true } : { ordered: undefined, start: undefined }, label)} />
      </div>
      {ordered && (
        <NumberInput
          label={t("passages.start")} min={0} max={9999} allowDecimal={false} placeholder="1" value={typeof list["start"] === "number" ? list["start"] : ""}
          onChange={(next) => commands.set(path, { start: typedNumber(next) }, label)}
        />
      )}
      <Items
        label={t("passages.items")} items={items} open={open} onOpen={setOpen}
        title={(item) => shortText(wordsOf(item)) || t("entry.number", { number: items.indexOf(item) + 1 })}
        onChange={(next) => commands.set(path, { items: next }, label)}
        addLabel={t("passages.addItem")}
        onAdd={() => {
          commands.set(path, { items: [...items, { content: [{ text: "" }] }] }, label);
          setOpen(items.length);
        }}
        body={(item, index) => <PassagesField path={[...own, index]} record={item} label={label} depth={depth} />}
      />
    </>
  );
}
