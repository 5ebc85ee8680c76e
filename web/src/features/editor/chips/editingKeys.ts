/* The keys with which prose is edited on every platform. CodeMirror's own list has those of code as well, and with them its reader of
   programming languages, which is as large as all that is said in the editor. */
import {
  cursorCharLeft, cursorCharRight, cursorDocEnd, cursorDocStart, cursorGroupLeft, cursorGroupRight, cursorLineBoundaryBackward, cursorLineBoundaryForward,
  cursorLineBoundaryLeft, cursorLineBoundaryRight, cursorLineDown, cursorLineEnd, cursorLineStart, cursorLineUp, cursorPageDown, cursorPageUp,
  deleteGroupBackward, deleteGroupForward, deleteLineBoundaryBackward, deleteLineBoundaryForward, deleteToLineEnd,
  insertNewlineKeepIndent, moveLineDown, moveLineUp, selectAll, selectCharLeft, selectCharRight, selectDocEnd, selectDocStart, selectGroupLeft,
  selectGroupRight, selectLineBoundaryBackward, selectLineBoundaryForward, selectLineBoundaryLeft, selectLineBoundaryRight, selectLineDown, selectLineEnd,
  selectLineStart, selectLineUp, selectPageDown, selectPageUp, splitLine, transposeChars,
} from "@codemirror/commands";
import { EditorSelection, findClusterBreak } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import type { Command, KeyBinding } from "@codemirror/view";

const deleteBackward = deleteChar(false);
const deleteForward = deleteChar(true);

export const editingKeys: readonly KeyBinding[] = [
  { key: "ArrowLeft", run: cursorCharLeft, shift: selectCharLeft, preventDefault: true },
  { key: "Mod-ArrowLeft", mac: "Alt-ArrowLeft", run: cursorGroupLeft, shift: selectGroupLeft, preventDefault: true },
  { mac: "Cmd-ArrowLeft", run: cursorLineBoundaryLeft, shift: selectLineBoundaryLeft, preventDefault: true },
  { key: "ArrowRight", run: cursorCharRight, shift: selectCharRight, preventDefault: true },
  { key: "Mod-ArrowRight", mac: "Alt-ArrowRight", run: cursorGroupRight, shift: selectGroupRight, preventDefault: true },
  { mac: "Cmd-ArrowRight", run: cursorLineBoundaryRight, shift: selectLineBoundaryRight, preventDefault: true },
  { key: "ArrowUp", run: cursorLineUp, shift: selectLineUp, preventDefault: true },
  { mac: "Cmd-ArrowUp", run: cursorDocStart, shift: selectDocStart },
  { mac: "Ctrl-ArrowUp", run: cursorPageUp, shift: selectPageUp },
  { key: "ArrowDown", run: cursorLineDown, shift: selectLineDown, preventDefault: true },
  { mac: "Cmd-ArrowDown", run: cursorDocEnd, shift: selectDocEnd },
  { mac: "Ctrl-ArrowDown", run: cursorPageDown, shift: selectPageDown },
  { key: "PageUp", run: cursorPageUp, shift: selectPageUp },
  { key: "PageDown", run: cursorPageDown, shift: selectPageDown },
  { key: "Home", run: cursorLineBoundaryBackward, shift: selectLineBoundaryBackward, preventDefault: true },
  { key: "Mod-Home", run: cursorDocStart, shift: selectDocStart },
  { key: "End", run: cursorLineBoundaryForward, shift: selectLineBoundaryForward, preventDefault: true },
  { key: "Mod-End", run: cursorDocEnd, shift: selectDocEnd },
  { key: "Alt-ArrowUp", run: moveLineUp },
  { key: "Alt-ArrowDown", run: moveLineDown },
  { key: "Enter", run: insertNewlineKeepIndent, shift: insertNewlineKeepIndent },
  { key: "Mod-a", run: selectAll },
  { key: "Backspace", run: deleteBackward, shift: deleteBackward, preventDefault: true },
  { key: "Delete", run: deleteForward, preventDefault: true },
  { key: "Mod-Backspace", mac: "Alt-Backspace", run: deleteGroupBackward, preventDefault: true },
  { key: "Mod-Delete", mac: "Alt-Delete", run: deleteGroupForward, preventDefault: true },
  { mac: "Mod-Backspace", run: deleteLineBoundaryBackward, preventDefault: true },
  { mac: "Mod-Delete", run: deleteLineBoundaryForward, preventDefault: true },
  // What every text field of macOS knows.
  { mac: "Ctrl-b", run: cursorCharLeft, shift: selectCharLeft, preventDefault: true },
  { mac: "Ctrl-f", run: cursorCharRight, shift: selectCharRight },
  { mac: "Ctrl-p", run: cursorLineUp, shift: selectLineUp },
  { mac: "Ctrl-n", run: cursorLineDown, shift: selectLineDown },
  { mac: "Ctrl-a", run: cursorLineStart, shift: selectLineStart },
  { mac: "Ctrl-e", run: cursorLineEnd, shift: selectLineEnd },
  { mac: "Ctrl-d", run: deleteForward },
  { mac: "Ctrl-h", run: deleteBackward },
  { mac: "Ctrl-k", run: deleteToLineEnd },
  { mac: "Ctrl-Alt-h", run: deleteGroupBackward },
  { mac: "Ctrl-o", run: splitLine },
  { mac: "Ctrl-t", run: transposeChars },
  { mac: "Ctrl-v", run: cursorPageDown },
];

/** The library's own removes indentation by its unit, for which it asks the programming language. */
function deleteChar(forward: boolean): Command {
  return (view) => {
    const { state } = view;
    if (state.readOnly) return false;
    let event = "delete.selection";
    const change = state.changeByRange((range) => {
      let { from, to } = range;
      if (range.empty) {
        event = forward ? "delete.forward" : "delete.backward";
        if (forward) to = beside(view, to, true);
        else from = beside(view, from, false);
      }
      from = outside(view, from, false);
      to = outside(view, to, true);
      return from === to ? { range } : { changes: { from, to }, range: EditorSelection.cursor(from) };
    });
    if (change.changes.empty) return false;
    view.dispatch(state.update(change, { scrollIntoView: true, userEvent: event }));
    return true;
  };
}

/** The place behind or before the character at a place, the end of a line being one. */
function beside({ state: { doc } }: EditorView, at: number, forward: boolean): number {
  const line = doc.lineAt(at);
  const next = line.from + findClusterBreak(line.text, at - line.from, forward);
  return next === at ? Math.max(0, Math.min(doc.length, at + (forward ? 1 : -1))) : next;
}

/** A chip goes as a whole. */
function outside(view: EditorView, at: number, forward: boolean): number {
  let place = at;
  for (const ranges of view.state.facet(EditorView.atomicRanges)) {
    ranges(view).between(place, place, (from, to) => {
      if (from < place && to > place) place = forward ? to : from;
    });
  }
  return place;
}
