// What the members of a template are called.

import type { TFunction } from "i18next";

import type { Path } from "~/lib/document/pointer";
import type { Member } from "~/lib/template/members";

export function labelOf(member: Member, t: TFunction<"template">): string {
  return t(`member.${member.label ?? member.name}`);
}

/** Of a place in the template: its last part that is no number. */
export function memberLabel(path: Path, t: TFunction<"template">): string {
  const name = path.findLast((part) => typeof part === "string" && !/^\d+$/.test(part)) ?? "text";
  return t(`member.${name}`, { defaultValue: t("member.text") });
}
