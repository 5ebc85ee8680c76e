// A text with values in it: chips by default, the bare text one click away.

import { ActionIcon, Tooltip } from "@mantine/core";
import { Braces, Plus } from "lucide-react";
import { useCallback, useEffect, useEffectEvent, useId, useRef, useState } from "react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Kind } from "~/lib/expression/kind";
import { writeChip } from "~/lib/expression/template";
import type { Chip } from "~/lib/expression/template";
import type { Source } from "~/lib/expression/values";
import { chipSpec } from "./chipSpec";
import { ChipMenu } from "./ChipMenu";
import { Floating } from "./Floating";
import { useChipHost } from "./host";
import { useLook } from "./look";
import { TemplateEditor } from "./templateEditor";
import type { ChipAt } from "./templateEditor";
import { ValuePicker } from "./ValuePicker";
import classes from "./chips.module.css";

interface Props {
  label: string;
  /** The place around already names the field. */
  hideLabel?: boolean;
  /** Stands in the label's place, such as a name that can be changed. */
  heading?: ReactNode;
  help?: ReactNode;
  error?: ReactNode;
  value: string;
  sources: readonly Source[];
  wanted?: Kind | null;
  size?: "line" | "text";
  required?: boolean;
  placeholder?: string;
  /** Where the caret stands at once, in letters; the field has the focus then. */
  caret?: number;
  onChange: (value: string) => void;
  /** Leads to where a value comes from; without it nothing offers that. */
  onGoTo?: (step: string) => void;
}

type Open = { kind: "chip"; at: ChipAt } | { kind: "insert"; from: number; to: number; rect: DOMRect; typed: boolean; early: string };

export function TemplateField({ label, hideLabel, heading, help, error, value, sources, wanted = null, size = "text", required, placeholder, caret, onChange, onGoTo }: Props) {
  const { t } = useTranslation("editor");
  const editing = useChipHost();
  const look = useLook();
  const id = useId();
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<TemplateEditor | null>(null);
  const [open, setOpen] = useState<Open | null>(null);
  const [plain, setPlain] = useState(false);
  /** A slash has asked for a value: what is typed before the search has the focus is searched for. */
  const asking = useRef(false);

  const spec = useCallback(
    (chip: Chip) => chipSpec(chip, sources, look, { gone: t("chip.gone"), empty: t("chip.empty"), each: (title) => t("chip.each", { title }) }, null),
    [sources, look, t],
  );
  const changed = useEffectEvent(onChange);
  const make = useEffectEvent((parent: HTMLDivElement) => new TemplateEditor({
    parent,
    text: value,
    label,
    hint: placeholder ?? t("template.hint"),
    oneLine: size === "line",
    spec,
    onChange: (text) => changed(text),
    onChip: (at) => setOpen({ kind: "chip", at }),
    onInsert: (at) => {
      asking.current = true;
      setOpen({ kind: "insert", ...at, typed: true, early: "" });
    },
    onTyped: (text) => {
      if (asking.current) setOpen((before) => (before?.kind === "insert" ? { ...before, early: before.early + text } : before));
      return asking.current;
    },
    onHistory: (direction) => (direction === "undo" ? editing.undo() : editing.redo()),
  }));

  const putCaret = useEffectEvent((made: TemplateEditor) => {
    if (caret !== undefined) made.focusAt(caret);
  });

  useEffect(() => {
    if (!host.current) return undefined;
    const made = make(host.current);
    editor.current = made;
    putCaret(made);
    return () => {
      made.close();
      editor.current = null;
    };
  }, []);
  useEffect(() => editor.current?.setText(value), [value]);
  useEffect(() => editor.current?.setOptions({ spec }), [spec]);
  useEffect(() => editor.current?.setPlain(plain), [plain]);

  const close = () => {
    const was = open;
    asking.current = false;
    setOpen(null);
    // Escape from the picker that "/" opened means that a slash was meant.
    if (was?.kind === "insert" && was.typed) editor.current?.replace(was.from, was.to, "/");
    else editor.current?.view.focus();
  };
  const put = (from: number, to: number, text: string) => {
    asking.current = false;
    setOpen(null);
    editor.current?.replace(from, to, text);
  };

  return (
    <div>
      <div className={classes["labelRow"]} style={hideLabel && !heading ? { justifyContent: "flex-end" } : undefined}>
        {heading}
        {!hideLabel && !heading && <span className={classes["label"]} id={`${id}-label`}>{label}{required ? <span aria-hidden> *</span> : null}</span>}
        <button
          type="button" className={classes["hint"]}
          onClick={() => {
            const view = editor.current?.view;
            if (!view) return;
            const { from, to } = view.state.selection.main;
            const coords = view.coordsAtPos(from);
            setOpen({ kind: "insert", from, to, typed: false, early: "", rect: coords ? new DOMRect(coords.left, coords.top, 1, coords.bottom - coords.top) : view.dom.getBoundingClientRect() });
          }}
        >
          {size === "line" ? <Plus size={13} aria-hidden /> : <span className={classes["key"]} aria-hidden>/</span>}
          {t("template.insert")}
        </button>
        <Tooltip label={plain ? t("template.asChips") : t("template.asText")}>
          <ActionIcon size={24} aria-label={t("template.asText")} aria-pressed={plain} onClick={() => setPlain(!plain)}>
            <Braces size={14} />
          </ActionIcon>
        </Tooltip>
      </div>
      <div
        ref={host}
        className={[classes["field"], size === "line" ? classes["oneLine"] : classes["tall"], plain ? classes["textMode"] : "", error ? classes["fieldError"] : ""].join(" ")}
      />
      {error && <div className={classes["error"]}>{error}</div>}
      {help && <div className={classes["help"]}>{help}</div>}
      <Floating rect={open ? (open.kind === "chip" ? open.at.rect : open.rect) : null} label={open?.kind === "chip" ? t("chip.menu") : t("picker.title")} onClose={close}>
        {open?.kind === "chip" && (
          <ChipMenu
            chip={open.at.chip}
            sources={sources}
            wanted={wanted}
            inText
            onChange={(chip) => put(open.at.from, open.at.to, chip ? writeChip(chip) : "")}
            onGoTo={onGoTo && ((step) => {
              setOpen(null);
              onGoTo(step);
            })}
          />
        )}
        {open?.kind === "insert" && (
          <ValuePicker sources={sources} wanted={wanted} inText early={open.early} onPick={(chip) => put(open.from, open.to, writeChip(chip))} />
        )}
      </Floating>
    </div>
  );
}
