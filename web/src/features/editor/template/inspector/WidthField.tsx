// How wide a column is: a length, a share of what is left, or as wide as its content.

import { NumberInput, SegmentedControl } from "@mantine/core";
import { useId } from "react";
import { useTranslation } from "react-i18next";

import { typedNumber } from "~/lib/typed-number";
import type { MemberProps } from "./MemberForm";
import widgets from "~/features/editor/widgets/widgets.module.css";

type Way = "auto" | "share" | "length";

const USUAL_MM = 30;

export function WidthField({ label, error, value, onChange }: MemberProps) {
  const { t } = useTranslation("template");
  const id = useId();
  const share = typeof value === "string" ? (/^(\d+(?:\.\d+)?)fr$/.exec(value)?.[1] ?? null) : null;
  const way: Way = typeof value === "number" ? "length" : value === "auto" ? "auto" : "share";
  const change = (next: Way) => onChange(next === "auto" ? "auto" : next === "share" ? "1fr" : USUAL_MM);
  return (
    <div role="group" aria-labelledby={id}>
      <div className={widgets["labelRow"]}><span className={widgets["label"]} id={id}>{label}</span></div>
      <div className={widgets["row"]}>
        <SegmentedControl
          aria-label={label} value={way} onChange={(next) => change(next as Way)}
          data={(["auto", "share", "length"] as const).map((name) => ({ value: name, label: t(`width.${name}`) }))}
        />
        {way !== "auto" && (
          <NumberInput
            className={widgets["grow"]} aria-label={t(`width.${way}Of`, { what: label })} min={way === "share" ? 0.1 : 1} max={400} step={way === "share" ? 0.5 : 1} suffix={way === "length" ? " mm" : undefined}
            value={way === "length" ? Number(value) : Number(share ?? 1)}
            onChange={(next) => {
              const typed = typedNumber(next);
              if (typed !== undefined && typed > 0) onChange(way === "length" ? typed : `${typed}fr`);
            }}
          />
        )}
      </div>
      {error && <div className={widgets["error"]}>{error}</div>}
    </div>
  );
}
