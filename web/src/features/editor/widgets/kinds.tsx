// Choosing the kind of a value that people declare: its type and its limits.

import { NumberInput, Select } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { without } from "~/lib/document/pointer";
import type { Json, JsonObject } from "~/lib/document/types";
import { MAX_MONEY_DECIMALS } from "~/lib/expression/kind";
import type { KindName } from "~/lib/expression/kind";
import { typedNumber } from "~/lib/typed-number";

interface Props {
  kind: string;
  kinds: readonly KindName[];
  onChange: (kind: KindName) => void;
}

export function KindSelect({ kind, kinds, onChange }: Props) {
  const { t } = useTranslation("editor");
  const names = kinds.includes(kind as KindName) ? kinds : [...kinds, kind as KindName];
  return (
    <Select
      label={t("kind.label")} allowDeselect={false} value={kind} data={names.map((name) => ({ value: name, label: t(`kind.${name}`) }))}
      onChange={(next) => next && onChange(next as KindName)}
    />
  );
}

/** How many decimals amounts may have; unit prices have more than their currency. */
export function MoneyDecimals({ value, onChange }: { value: Json | undefined; onChange: (decimals: number | undefined) => void }) {
  const { t } = useTranslation("editor");
  const counts = Array.from({ length: MAX_MONEY_DECIMALS }, (_, at) => String(at + 1));
  return (
    <Select
      label={t("form.decimals")} allowDeselect={false} value={typeof value === "number" && value > 0 ? String(value) : ""}
      data={[{ value: "", label: t("form.currencyDecimals") }, ...counts.map((count) => ({ value: count, label: t("form.upToDecimals", { count: Number(count) }) }))]}
      onChange={(next) => onChange(next ? Number(next) : undefined)}
    />
  );
}

/** The limits that a kind can have. */
export function Limits({ field, onChange }: { field: JsonObject; onChange: (patch: JsonObject, remove: string[]) => void }) {
  const { t } = useTranslation("editor");
  const limit = (key: string, label: string) => (
    <NumberInput
      label={label} min={0} allowDecimal={false} value={typeof field[key] === "number" ? (field[key] as number) : ""} placeholder={t("form.noLimit")}
      onChange={(next) => {
        const count = typedNumber(next);
        if (count === undefined) onChange({}, [key]);
        else onChange({ [key]: count }, []);
      }}
    />
  );
  if (field["kind"] === "text") return limit("max_length", t("form.maxLength"));
  if (field["kind"] === "money") {
    return <MoneyDecimals value={field["decimals"]} onChange={(decimals) => (decimals === undefined ? onChange({}, ["decimals"]) : onChange({ decimals }, []))} />;
  }
  if (field["kind"] === "list") return <>{limit("min_items", t("kind.minItems"))}{limit("max_items", t("kind.maxItems"))}</>;
  return null;
}

/** The members that belong to a kind, so that changing it leaves nothing behind. */
export function withKind(field: JsonObject, kind: KindName): JsonObject {
  const rest = without(field, "max_length", "options", "item", "fields", "min_items", "max_items", "decimals");
  const extra: JsonObject =
    kind === "list" ? { item: { kind: "text" } } : kind === "record" ? { fields: [] } : kind === "choice" ? { options: [{ value: "a" }, { value: "b" }] } : {};
  return { ...rest, kind, ...extra };
}
