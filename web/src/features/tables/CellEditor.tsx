import { type FocusEvent, type KeyboardEvent, useRef, useState } from "react";
import classes from "./tables.module.css";
import type { Column } from "./types";

interface Props {
  column: Column;
  label: string;
  text: string;
  /** `null`: nothing is changed. */
  end: (typed: string | null, move: "down" | "right" | "left" | null) => void;
}

/** Writing goes on behind what stands there. */
function toEnd({ currentTarget: field }: FocusEvent<HTMLTextAreaElement>) {
  field.setSelectionRange(field.value.length, field.value.length);
}

/** The control of one cell while it is edited: Enter goes down, Tab goes on, Escape leaves everything as it was. */
export function CellEditor({ column, label, text, end }: Props) {
  const [typed, setTyped] = useState(text);
  // A line would lose the breaks of a text that has some; Shift and Enter make another one.
  const hasLines = column.kind === "text" && text.includes("\n");
  // Leaving by a key blurs, too; only the first of both counts.
  const ended = useRef(false);
  const finish = (value: string | null, move: "down" | "right" | "left" | null) => {
    if (ended.current) return;
    ended.current = true;
    end(value, move);
  };
  const press = (event: KeyboardEvent) => {
    event.stopPropagation();
    // Enter that ends a composition (Chinese, Japanese) is no Enter of ours.
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter" && hasLines && (event.shiftKey || event.altKey)) return;
    if (event.key === "Enter") finish(typed, "down");
    else if (event.key === "Tab") finish(typed, event.shiftKey ? "left" : "right");
    else if (event.key === "Escape") finish(null, null);
    else return;
    event.preventDefault();
  };
  const shared = { className: classes.editor, "aria-label": label, autoFocus: true, onKeyDown: press, onBlur: () => finish(typed, null) };
  if (column.kind === "choice") {
    return (
      <select {...shared} value={typed} onChange={(event) => { setTyped(event.currentTarget.value); finish(event.currentTarget.value, null); }}>
        <option value="" />
        {column.options.map((option) => <option key={option.value} value={option.value}>{option.title ?? option.value}</option>)}
      </select>
    );
  }
  if (hasLines) return <textarea {...shared} data-lines value={typed} rows={4} onChange={(event) => setTyped(event.currentTarget.value)} onFocus={toEnd} />;
  const figures = column.kind === "integer" || column.kind === "decimal" || column.kind === "money";
  return (
    <input
      {...shared} type={column.kind === "date" ? "date" : "text"} inputMode={figures ? "decimal" : undefined} value={typed} autoComplete="off"
      onChange={(event) => setTyped(event.currentTarget.value)} onFocus={(event) => { if (typed === text && column.kind !== "date" && text.length > 1) event.currentTarget.select(); }}
    />
  );
}
