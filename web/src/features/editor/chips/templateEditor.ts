// A text editor whose text *is* the template: chips are drawings over `{{ }}` that the cursor steps over as one character, so
// nothing is ever converted back and forth. Undo belongs to the whole editor, not to this field.

import { Annotation, EditorSelection, EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
import type { Extension, Range } from "@codemirror/state";
import { Decoration, EditorView, keymap, placeholder, WidgetType } from "@codemirror/view";
import type { DecorationSet } from "@codemirror/view";

import { pieces } from "~/lib/expression/template";
import type { Chip } from "~/lib/expression/template";
import { styleNonce } from "~/theme/theme";
import { chipElement } from "./Chip";
import { sameSpec } from "./chipSpec";
import type { ChipSpec } from "./chipSpec";
import { editingKeys } from "./editingKeys";
import classes from "./chips.module.css";

export interface ChipAt {
  from: number;
  to: number;
  chip: Chip;
  rect: DOMRect;
}

export interface TemplateOptions {
  parent: HTMLElement;
  text: string;
  label: string;
  describedBy?: string;
  hint: string;
  oneLine: boolean;
  spec: (chip: Chip) => ChipSpec;
  onChange: (text: string) => void;
  onChip: (at: ChipAt) => void;
  onInsert: (at: { from: number; to: number; rect: DOMRect }) => void;
  /** Takes text that is typed while a value is asked for and the search has no focus yet; `false`: it is the template's. */
  onTyped: (text: string) => boolean;
  onHistory: (direction: "undo" | "redo") => void;
}

/** Marks text that the rest of the editor put here, which must not come back as an edit. */
const fromOutside = Annotation.define<boolean>();
const redraw = StateEffect.define<null>();
const plain = StateEffect.define<boolean>();

class ChipWidget extends WidgetType {
  constructor(readonly spec: ChipSpec, readonly chip: Chip, readonly open: (chip: Chip, dom: HTMLElement) => void) {
    super();
  }
  override eq(other: ChipWidget): boolean {
    return sameSpec(this.spec, other.spec) && JSON.stringify(this.chip) === JSON.stringify(other.chip);
  }
  override toDOM(): HTMLElement {
    const dom = chipElement(this.spec);
    dom.addEventListener("mousedown", (event) => {
      event.preventDefault();
      this.open(this.chip, dom);
    });
    return dom;
  }
  override ignoreEvent(): boolean {
    return true;
  }
}

export class TemplateEditor {
  readonly view: EditorView;
  private readonly drawn: StateField<{ plain: boolean; all: DecorationSet; chips: DecorationSet }>;

  constructor(private options: TemplateOptions) {
    const build = (state: EditorState, asText: boolean) => this.build(state, asText);
    this.drawn = StateField.define({
      create: (state) => build(state, false),
      update: (value, transaction) => {
        let asText = value.plain;
        let stale = transaction.docChanged;
        for (const effect of transaction.effects) {
          if (effect.is(redraw)) stale = true;
          if (effect.is(plain)) [asText, stale] = [effect.value, true];
        }
        return stale ? build(transaction.state, asText) : value;
      },
      provide: (field) => [
        EditorView.decorations.from(field, (value) => value.all),
        EditorView.atomicRanges.of((view) => view.state.field(field).chips),
      ],
    });
    this.view = new EditorView({
      parent: options.parent,
      state: EditorState.create({ doc: options.text, extensions: this.extensions() }),
    });
  }

  private extensions(): Extension {
    const { options } = this;
    return [
      this.drawn,
      EditorView.cspNonce.of(styleNonce()),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({
        "aria-label": options.label,
        ...(options.describedBy ? { "aria-describedby": options.describedBy } : {}),
        role: "textbox",
        "aria-multiline": String(!options.oneLine),
        spellcheck: "true",
        autocorrect: "on",
        autocapitalize: "sentences",
      }),
      placeholder(options.hint),
      options.oneLine ? EditorState.transactionFilter.of((tr) => (tr.newDoc.lines > 1 ? [] : tr)) : [],
      Prec.high(keymap.of([
        { key: "Mod-z", run: () => (this.options.onHistory("undo"), true) },
        { key: "Mod-Shift-z", run: () => (this.options.onHistory("redo"), true) },
        { key: "Mod-y", run: () => (this.options.onHistory("redo"), true) },
        { key: "Mod-Enter", run: () => false },
        { key: "Enter", run: () => this.openSelected() || options.oneLine },
      ])),
      keymap.of(editingKeys),
      EditorView.inputHandler.of((view, from, to, text) => {
        if (this.options.onTyped(text)) return true;
        const before = view.state.sliceDoc(Math.max(0, from - 1), from);
        if (text !== "/" || !/^$|[\s([{“"'，。、：]/.test(before)) return false;
        this.askForValue(from, to);
        return true;
      }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged && !update.transactions.some((tr) => tr.annotation(fromOutside))) this.options.onChange(update.state.doc.toString());
      }),
    ];
  }

  private build(state: EditorState, asText: boolean) {
    const all: Range<Decoration>[] = [];
    const chips: Range<Decoration>[] = [];
    if (!asText) {
      for (const piece of pieces(state.doc.toString())) {
        if (piece.type === "chip") {
          const widget = new ChipWidget(this.options.spec(piece.chip), piece.chip, (chip, dom) => this.open(chip, dom));
          const range = Decoration.replace({ widget }).range(piece.from, piece.to);
          all.push(range);
          chips.push(range);
        } else if (piece.type !== "text") all.push(Decoration.mark({ class: classes["code"] ?? "" }).range(piece.from, piece.to));
      }
    }
    return { plain: asText, all: Decoration.set(all), chips: Decoration.set(chips) };
  }

  private open(chip: Chip, dom: HTMLElement): void {
    const at = this.view.posAtDOM(dom);
    const piece = pieces(this.view.state.doc.toString()).find((item) => item.type === "chip" && item.from <= at && at < item.to);
    if (!piece) return;
    this.view.dispatch({ selection: EditorSelection.range(piece.from, piece.to) });
    this.options.onChip({ from: piece.from, to: piece.to, chip, rect: dom.getBoundingClientRect() });
  }

  /** Enter on a chip that the keyboard selected opens its menu. */
  private openSelected(): boolean {
    const { from, to, empty } = this.view.state.selection.main;
    if (empty) return false;
    const piece = pieces(this.view.state.doc.toString()).find((item) => item.type === "chip" && item.from === from && item.to === to);
    if (piece?.type !== "chip") return false;
    const rect = this.view.coordsAtPos(from);
    this.options.onChip({ from, to, chip: piece.chip, rect: asRect(rect) });
    return true;
  }

  askForValue(from = this.view.state.selection.main.from, to = this.view.state.selection.main.to): void {
    this.options.onInsert({ from, to, rect: asRect(this.view.coordsAtPos(from)) });
  }

  replace(from: number, to: number, text: string): void {
    this.view.dispatch({ changes: { from, to, insert: text }, selection: { anchor: from + text.length } });
    this.view.focus();
  }

  setText(text: string): void {
    const current = this.view.state.doc.toString();
    if (current === text) return;
    const { main } = this.view.state.selection;
    const anchor = Math.min(main.anchor, text.length);
    this.view.dispatch({ changes: { from: 0, to: current.length, insert: text }, selection: { anchor }, annotations: fromOutside.of(true) });
  }

  setOptions(options: Partial<TemplateOptions>): void {
    const respec = options.spec !== undefined && options.spec !== this.options.spec;
    this.options = { ...this.options, ...options };
    if (respec) this.view.dispatch({ effects: redraw.of(null) });
  }

  /** Takes the focus, with the caret before so many letters of the text. */
  focusAt(at: number): void {
    this.view.focus();
    this.view.dispatch({ selection: { anchor: Math.max(0, Math.min(at, this.view.state.doc.length)) } });
  }

  setPlain(asText: boolean): void {
    this.view.dispatch({ effects: plain.of(asText) });
  }

  close(): void {
    this.view.destroy();
  }
}

function asRect(rect: { left: number; right: number; top: number; bottom: number } | null): DOMRect {
  return rect ? new DOMRect(rect.left, rect.top, rect.right - rect.left, rect.bottom - rect.top) : new DOMRect(0, 0, 0, 0);
}
