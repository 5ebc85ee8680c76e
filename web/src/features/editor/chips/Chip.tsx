// A value as people see it: type, name, sample value, in the colour of its origin.

import type { ButtonHTMLAttributes, Ref } from "react";

import { KIND_PATHS } from "../icons";
import type { ChipSpec } from "./chipSpec";
import classes from "./chips.module.css";

const STATE: Record<ChipSpec["state"], string | undefined> = {
  ok: undefined, empty: classes["empty"], broken: classes["broken"], unfit: classes["unfit"],
};

export function chipClass(spec: ChipSpec): string {
  return [classes["chip"], spec.family ? classes[spec.family] : classes["plain"], STATE[spec.state]].filter(Boolean).join(" ");
}

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  spec: ChipSpec;
  ref?: Ref<HTMLButtonElement>;
}

export function Chip({ spec, className, ...rest }: Props) {
  return (
    <button type="button" title={spec.full} {...rest} className={[chipClass(spec), className].filter(Boolean).join(" ")}>
      <span className={classes["name"]}>
        <svg viewBox="0 0 24 24" aria-hidden><path d={KIND_PATHS[spec.kind] ?? KIND_PATHS["any"]} /></svg>
        {spec.title}
      </span>
      <span className={classes["value"]}>{spec.value}</span>
    </button>
  );
}

/** The same drawing for places that React does not own. */
export function chipElement(spec: ChipSpec): HTMLElement {
  const chip = document.createElement("span");
  chip.className = `${chipClass(spec)} ${classes["inEditor"]}`;
  chip.title = spec.full;
  chip.setAttribute("role", "button");
  const name = chip.appendChild(document.createElement("span"));
  name.className = classes["name"] ?? "";
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", KIND_PATHS[spec.kind] ?? KIND_PATHS["any"] ?? "");
  svg.append(path);
  name.append(svg, spec.title);
  const value = chip.appendChild(document.createElement("span"));
  value.className = classes["value"] ?? "";
  value.textContent = spec.value;
  return chip;
}
