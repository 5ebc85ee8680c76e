import type { StepIcon } from "~/api/types";
import { createElement } from "react";
import { iconOf } from "./icons";
import classes from "./Origin.module.css";

/** A step's icon on the soft colour of where its values come from. */
export function OriginIcon({ family, icon, size = 26 }: { family: string; icon: string; size?: 18 | 20 | 26 | 34 }) {
  return (
    <span className={classes.icon} data-origin={family} data-size={size} aria-hidden>
      {createElement(iconOf(icon, family), { size: Math.round(size * 0.58), strokeWidth: 1.75 })}
    </span>
  );
}

/** The steps of a workflow in order, read aloud as their names. */
export function StepIcons({ steps, size = 20, max = 8 }: { steps: StepIcon[]; size?: 18 | 20; max?: number }) {
  const shown = steps.slice(0, max);
  return (
    <ul className={classes.steps}>
      {shown.map((step, at) => (
        <li key={at} title={step.name}>
          <OriginIcon family={step.family} icon={step.icon} size={size} />
          <span className="visually-hidden">{step.name}</span>
        </li>
      ))}
      {steps.length > max && <li className={classes.more}>{`+${steps.length - max}`}</li>}
    </ul>
  );
}
