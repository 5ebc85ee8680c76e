// A record that is there or not, and what is set in it.

import { Switch } from "@mantine/core";
import { useId } from "react";
import { useTranslation } from "react-i18next";

import { isObject } from "~/lib/document/pointer";
import { MemberForm } from "./MemberForm";
import type { MemberProps } from "./MemberForm";
import widgets from "~/features/editor/widgets/widgets.module.css";

export function RecordField({ member, path, label, error, value, onChange }: MemberProps) {
  const { t } = useTranslation("template");
  const id = useId();
  const there = isObject(value);
  return (
    <div role="group" aria-labelledby={id}>
      <div className={widgets["switchRow"]}>
        <label className={widgets["label"]} id={id} htmlFor={`${id}-switch`}>{label}</label>
        <Switch id={`${id}-switch`} checked={there} onChange={(event) => onChange(event.currentTarget.checked ? (member.start ?? {}) : undefined)} />
      </div>
      {member.help && <div className={widgets["help"]}>{t(`help.${member.help}`)}</div>}
      {error && <div className={widgets["error"]}>{error}</div>}
      {there && <MemberForm members={member.of ?? []} path={[...path, member.name]} />}
    </div>
  );
}
