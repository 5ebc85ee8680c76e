// How a value is written: as its text says, or in one of the ways that are offered.

import { Select } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { isObject } from "~/lib/document/pointer";
import { FORMATS } from "~/lib/template/members";
import { MemberForm } from "./MemberForm";
import type { MemberProps } from "./MemberForm";

export function FormatField({ member, path, label, error, value, onChange }: MemberProps) {
  const { t } = useTranslation("template");
  const format = isObject(value) ? value : null;
  const kind = typeof format?.["kind"] === "string" ? format["kind"] : "";
  const choose = (next: string) => {
    // What both ways know stays.
    const kept = Object.entries(format ?? {}).filter(([name]) => (FORMATS[next] ?? []).some((member) => member.name === name));
    onChange(next === "" ? undefined : { kind: next, ...Object.fromEntries(kept) });
  };
  return (
    <div>
      <Select
        label={label} error={error} allowDeselect={false} value={kind} mb={format ? 8 : 0}
        data={["", ...Object.keys(FORMATS)].map((name) => ({ value: name, label: t(`choice.format.${name === "" ? "usual" : name}`) }))}
        onChange={(next) => choose(next ?? "")}
      />
      {format && <MemberForm members={FORMATS[kind] ?? []} path={[...path, member.name]} />}
    </div>
  );
}
