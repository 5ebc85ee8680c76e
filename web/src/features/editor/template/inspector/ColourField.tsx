// A colour: one that the theme names, or one's own.

import { TextInput } from "@mantine/core";
import { useId } from "react";
import { useTranslation } from "react-i18next";

import { getAt } from "~/lib/document/pointer";
import { COLOURS, PAGE } from "~/lib/template/members";
import type { Template } from "~/lib/template/blocks";
import { useTemplate } from "../state";
import type { MemberProps } from "./MemberForm";
import widgets from "~/features/editor/widgets/widgets.module.css";
import classes from "../template.module.css";

const HEX = /^#[0-9a-f]{6}$/i;

/** The theme's colour of that name, as far as the template says it. */
function themed(template: Template, name: string): string {
  const own = getAt(template, ["theme", name]);
  const usual = PAGE.theme.find((member) => member.name === name)?.usual;
  return typeof own === "string" && HEX.test(own) ? own : String(usual ?? "#000000");
}

export function ColourField({ path, label, error, value, onChange, member }: MemberProps) {
  const { t } = useTranslation("template");
  const template = useTemplate();
  const id = useId();
  const inTheme = path[0] === "theme";
  const chosen = typeof value === "string" ? value : "";
  const usual = typeof member.usual === "string" ? member.usual : "";
  const drawn = HEX.test(chosen) ? chosen : COLOURS.includes(chosen) ? themed(template, chosen) : usual || "#000000";
  return (
    <div role="group" aria-labelledby={id}>
      <div className={widgets["labelRow"]}><span className={widgets["label"]} id={id}>{label}</span></div>
      <div className={classes["colour"]}>
        <input type="color" className={classes["swatch"]} aria-label={t("colour.pick", { what: label })} value={drawn.toLowerCase()} onChange={(event) => onChange(event.currentTarget.value)} />
        <TextInput
          className={widgets["grow"]} aria-label={t("colour.value", { what: label })} value={chosen} placeholder={usual || t("colour.usual")} spellCheck={false}
          onChange={(event) => onChange(event.currentTarget.value === "" ? undefined : event.currentTarget.value)}
        />
        {!inTheme && COLOURS.map((name) => (
          <button
            type="button" key={name} className={classes["dot"]} aria-pressed={chosen === name} aria-label={t(`colour.${name}`)} title={t(`colour.${name}`)}
            style={{ background: themed(template, name) }} onClick={() => onChange(chosen === name ? undefined : name)}
          />
        ))}
      </div>
      {error && <div className={widgets["error"]}>{error}</div>}
    </div>
  );
}
