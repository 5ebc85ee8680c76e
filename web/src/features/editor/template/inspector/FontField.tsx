// The font of a text, by the name of its family: those that the server can set documents in, and the name that stands there already.

import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { api, ask } from "~/api/client";
import type { MemberProps } from "./MemberForm";

/** Those that every document has by a shorter name. */
const BUILT_IN = ["Inter", "Noto Serif"];

export function FontField({ member, label, error, value, onChange }: MemberProps) {
  const { t } = useTranslation("template");
  const found = useQuery({ queryKey: ["fonts"], queryFn: () => ask(api.GET("/api/fonts")), staleTime: 60_000 });
  const chosen = typeof value === "string" ? value : String(member.usual ?? "");
  const short = [...(member.usual === "" ? [""] : []), "sans", "serif"];
  const named = (found.data?.families ?? []).filter((name) => !BUILT_IN.includes(name));
  const own = short.includes(chosen) || named.includes(chosen) ? [] : [chosen];
  return (
    <Select
      label={label} error={error} allowDeselect={false} searchable value={chosen}
      data={[...short.map((name) => ({ value: name, label: t(`choice.font.${name === "" ? "usual" : name}`) })), ...own, ...named]}
      onChange={(next) => onChange(next === null || next === member.usual ? undefined : next)}
    />
  );
}
