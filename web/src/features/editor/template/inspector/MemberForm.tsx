// A form of a template's members, made from the table of `~/lib/template/members`, with every problem at its place.

import { Autocomplete, NumberInput, Select, Switch, TextInput } from "@mantine/core";
import { useId } from "react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { getAt, isObject } from "~/lib/document/pointer";
import type { Path } from "~/lib/document/pointer";
import type { Json, JsonObject } from "~/lib/document/types";
import { gone, mattering } from "~/lib/template/members";
import type { Member } from "~/lib/template/members";
import { pathOfPointer } from "~/lib/template/places";
import { typedNumber } from "~/lib/typed-number";
import { problemText } from "~/ui/server-words/words";
import { TemplateField } from "~/features/editor/chips/TemplateField";
import { useBlockCommands, useSourcesAt } from "../commands";
import { useTemplate, useTemplateState } from "../state";
import { ColourField } from "./ColourField";
import { ColumnsField, EntriesField } from "./EntriesField";
import { FileField } from "./FileField";
import { FontField } from "./FontField";
import { FormatField } from "./FormatField";
import { labelOf } from "./labels";
import { ListField } from "./ListField";
import { PaymentField, PictureField } from "./PictureField";
import { RecordField } from "./RecordField";
import { RunsField } from "./RunsField";
import { WidthField } from "./WidthField";
import widgets from "~/features/editor/widgets/widgets.module.css";

/** What a control of the template's forms is given. */
export interface MemberProps {
  member: Member;
  /** The record that the member belongs to. */
  path: Path;
  record: JsonObject;
  label: string;
  error: ReactNode;
  value: Json | undefined;
  onChange: (value: Json | undefined) => void;
}

/** Texts that are printed as they are, even when nothing is in them; an empty one of any other kind is not there. */
const KEPT = new Set(["text", "heading", "value", "label", "content"]);

export function MemberForm({ members, path }: { members: readonly Member[]; path: Path }) {
  const template = useTemplate();
  const found = getAt(template, path);
  const record = isObject(found) ? found : {};
  return (
    <div className={widgets["form"]}>
      {mattering(members, record).map((member) => <MemberField key={member.name} member={member} path={path} record={record} members={members} />)}
    </div>
  );
}

function useProblemsAt(path: Path, deep: boolean): string {
  const problems = useTemplateState((state) => state.problems);
  return problems
    .filter((problem) => {
      const at = pathOfPointer(problem.pointer.replace(/^\/template(?=\/|$)/, ""));
      return (deep ? at.length >= path.length : at.length === path.length) && path.every((part, place) => String(part) === String(at[place]));
    })
    .map(problemText)
    .join(" ");
}

const HOLDING = new Set(["entries", "columns", "record", "format"]);

function MemberField({ member, path, record, members }: { member: Member; path: Path; record: JsonObject; members: readonly Member[] }) {
  const { t } = useTranslation("template");
  const commands = useBlockCommands();
  const own = [...path, member.name];
  const error = useProblemsAt(own, !HOLDING.has(member.widget));
  const label = labelOf(member, t);
  const onChange = (value: Json | undefined) => {
    const patch: Record<string, Json | undefined> = { [member.name]: value };
    // What matters only beside this goes with it.
    for (const name of gone(members, record, { ...record, ...patch })) patch[name] = undefined;
    commands.set(path, patch, label);
  };
  const Control = CONTROLS[member.widget];
  return (
    <div data-path={own.join("/")}>
      <Control member={member} path={path} record={record} label={label} error={error || null} value={record[member.name]} onChange={onChange} />
    </div>
  );
}

const text = (value: Json | undefined) => (typeof value === "string" ? value : "");

function LineControl({ member, path, label, error, value, onChange }: MemberProps) {
  const sources = useSourcesAt([...path, member.name]);
  return (
    <TemplateField
      label={label} error={error} value={text(value)} sources={sources} size={member.widget === "text" ? "text" : "line"}
      onChange={(next) => onChange(next === "" && !KEPT.has(member.name) ? undefined : next)}
    />
  );
}

function ConditionControl({ member, path, label, error, value, onChange }: MemberProps) {
  const { t } = useTranslation("template");
  const sources = useSourcesAt([...path, member.name]);
  return (
    <TemplateField
      label={label} error={error} value={text(value)} sources={sources} size="line" placeholder={t("condition.hint")} help={t("condition.help")}
      onChange={(next) => onChange(next === "" ? undefined : next)}
    />
  );
}

function FlagControl({ member, label, error, value, onChange }: MemberProps) {
  const id = useId();
  const on = value ?? member.usual ?? false;
  return (
    <div className={widgets["switchRow"]}>
      <div>
        <label className={widgets["label"]} htmlFor={id}>{label}</label>
        {error && <div className={widgets["error"]}>{error}</div>}
      </div>
      <Switch
        id={id} checked={on === true}
        onChange={(event) => onChange(event.currentTarget.checked === (member.usual ?? false) ? undefined : event.currentTarget.checked)}
      />
    </div>
  );
}

function NumberControl({ member, label, error, value, onChange }: MemberProps) {
  const { t } = useTranslation("template");
  return (
    <NumberInput
      label={label} error={error} min={member.least} max={member.most} step={member.step ?? 1} allowDecimal={member.whole !== true} suffix={member.unit ? ` ${member.unit}` : undefined}
      value={typeof value === "number" ? value : ""} placeholder={member.usual === undefined ? t("unset") : `${String(member.usual)}${member.unit ? ` ${member.unit}` : ""}`}
      onChange={(next) => onChange(typedNumber(next))}
    />
  );
}

function ChoiceControl({ member, label, error, value, onChange }: MemberProps) {
  const { t } = useTranslation("template");
  const choices = member.choices ?? [];
  const chosen = typeof value === "string" || typeof value === "number" ? value : (member.usual ?? "");
  const word = (choice: string | number) => t(`choice.${member.label ?? member.name}.${choice === "" ? "usual" : choice}`);
  return (
    <Select
      label={label} error={error} allowDeselect={false} data={choices.map((choice) => ({ value: String(choice), label: word(choice) }))} value={String(chosen)}
      onChange={(next) => {
        const picked = choices.find((choice) => String(choice) === next);
        onChange(picked === member.usual ? undefined : picked);
      }}
    />
  );
}

function PlainControl({ member, label, error, value, onChange }: MemberProps) {
  return (
    <Autocomplete
      label={label} error={error} data={(member.choices ?? []).map(String)} value={text(value)} maxLength={100}
      onChange={(next) => onChange(next === "" ? undefined : next)}
    />
  );
}

function LanguageControl({ member, label, error, value, onChange }: MemberProps) {
  const { t } = useTranslation("template");
  return (
    <TextInput
      label={label} error={error} description={member.label === undefined ? t("language.help") : undefined} inputWrapperOrder={["label", "input", "description", "error"]} placeholder={t(member.label === "document_language" ? "language.usual_document" : "language.usual")} value={text(value)} maxLength={35}
      onChange={(event) => onChange(event.currentTarget.value.trim() === "" ? undefined : event.currentTarget.value.trim())}
    />
  );
}

const CONTROLS: Record<Member["widget"], (props: MemberProps) => ReactNode> = {
  line: LineControl,
  text: LineControl,
  runs: RunsField,
  condition: ConditionControl,
  list: ListField,
  flag: FlagControl,
  number: NumberControl,
  choice: ChoiceControl,
  colour: ColourField,
  language: LanguageControl,
  width: WidthField,
  entries: EntriesField,
  columns: ColumnsField,
  record: RecordField,
  format: FormatField,
  plain: PlainControl,
  font: FontField,
  file: FileField,
  picture: PictureField,
  payment: PaymentField,
};
