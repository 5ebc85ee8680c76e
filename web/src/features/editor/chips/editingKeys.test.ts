import { EditorState, RangeSet } from "@codemirror/state";
import { Decoration, EditorView, runScopeHandlers, keymap } from "@codemirror/view";
import { expect, test } from "vitest";
import { editingKeys } from "./editingKeys";

/** What a text with `|` as the cursor, or around what is selected, and `<…>` as a chip is after a key. */
function after(text: string, key: string): string {
  const marks = [...text.matchAll(/\|/g)].map((mark, at) => mark.index - at);
  const doc = text.replaceAll("|", "");
  const chips = RangeSet.of([...doc.matchAll(/<.*?>/g)].map((chip) => Decoration.mark({}).range(chip.index, chip.index + chip[0].length)));
  const view = new EditorView({
    state: EditorState.create({
      doc,
      selection: { anchor: marks[0] ?? 0, head: marks[1] ?? marks[0] ?? 0 },
      extensions: [keymap.of(editingKeys), EditorView.atomicRanges.of(() => chips)],
    }),
  });
  runScopeHandlers(view, new KeyboardEvent("keydown", { key }), "editor");
  const { head } = view.state.selection.main;
  const left = view.state.doc.toString();
  view.destroy();
  return `${left.slice(0, head)}|${left.slice(head)}`;
}

test.each([
  ["one|", "Backspace", "on|"],
  ["|one", "Delete", "|ne"],
  ["a👩‍👧|b", "Backspace", "a|b"],
  ["a|e\u0301b", "Delete", "a|b"],
  ["one\n|two", "Backspace", "one|two"],
  ["one|\ntwo", "Delete", "one|two"],
  ["    |one", "Backspace", "   |one"],
  ["a <total>| b", "Backspace", "a | b"],
  ["a |<total> b", "Delete", "a | b"],
  ["a |one| b", "Backspace", "a | b"],
  ["|one", "Backspace", "|one"],
  ["one|", "Delete", "one|"],
  ["  one|", "Enter", "  one\n  |"],
])("%j and %s make %j", (text, key, expected) => expect(after(text, key)).toBe(expected));
