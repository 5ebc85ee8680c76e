// One value of an earlier step, as a chip; text mode for anything harder.

import { Popover, TextInput } from "@mantine/core";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Kind } from "~/lib/expression/kind";
import { onlyChip, writeChip } from "~/lib/expression/template";
import type { Chip as ChipValue } from "~/lib/expression/template";
import type { Source } from "~/lib/expression/values";
import { Chip } from "./Chip";
import { chipSpec } from "./chipSpec";
import { ChipMenu } from "./ChipMenu";
import { useLook } from "./look";
import { ValuePicker } from "./ValuePicker";
import classes from "./chips.module.css";

interface Props {
  label: string;
  value: string;
  sources: readonly Source[];
  wanted?: Kind | null;
  onChange: (value: string) => void;
  onGoTo?: (step: string) => void;
}

export function ValueField({ label, value, sources, wanted = null, onChange, onGoTo }: Props) {
  const { t } = useTranslation("editor");
  const look = useLook();
  const [open, setOpen] = useState(false);
  const chip = onlyChip(value);
  const change = (next: ChipValue | null) => {
    setOpen(false);
    onChange(next ? writeChip(next) : "");
  };
  if (value !== "" && !chip) {
    return <TextInput value={value} aria-label={label} ff="monospace" onChange={(event) => onChange(event.currentTarget.value)} />;
  }
  const words = { gone: t("chip.gone"), empty: t("chip.empty"), each: (title: string) => t("chip.each", { title }) };
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-start" trapFocus returnFocus>
      <Popover.Target>
        {chip
          ? <Chip spec={chipSpec(chip, sources, look, words, wanted)} aria-label={`${label}: ${chipSpec(chip, sources, look, words).title}`} onClick={() => setOpen(!open)} />
          : (
            <button type="button" className={classes["hint"]} aria-label={label} onClick={() => setOpen(!open)}>
              <Plus size={13} aria-hidden />{t("picker.choose")}
            </button>
          )}
      </Popover.Target>
      <Popover.Dropdown p={0}>
        {chip
          ? (
            <ChipMenu
              chip={chip} sources={sources} wanted={wanted} inText={false} onChange={change}
              onGoTo={onGoTo && ((step) => {
                setOpen(false);
                onGoTo(step);
              })}
            />
          )
          : <ValuePicker sources={sources} wanted={wanted} onPick={change} />}
      </Popover.Dropdown>
    </Popover>
  );
}
