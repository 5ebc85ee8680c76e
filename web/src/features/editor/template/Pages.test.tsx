import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import i18next from "i18next";
import ICU from "i18next-icu";
import { useState, useSyncExternalStore } from "react";
import { initReactI18next } from "react-i18next";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";

import app from "~/i18n/en.json";
import { rowsOf } from "~/lib/template/blocks";
import type { Template } from "~/lib/template/blocks";
import editor from "../i18n/en.json";
import { AddBlock } from "./AddBlock";
import type { Dragged } from "./BlockTree";
import template from "./i18n/en.json";
import { Pages } from "./Pages";
import { openStore, TemplateProvider } from "./state";
import type { TemplateStore } from "./state";

const address = vi.hoisted(() => {
  const watchers = new Set<() => void>();
  let now: Record<string, unknown> = {};
  return {
    read: () => now,
    write: (next: Record<string, unknown>) => {
      now = next;
      for (const watcher of watchers) watcher();
    },
    watch: (watcher: () => void) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
});
vi.mock("@tanstack/react-router", () => ({
  useSearch: () => useSyncExternalStore(address.watch, address.read),
  useNavigate: () => ({ search }: { search: (before: Record<string, unknown>) => Record<string, unknown> }) => address.write(search(address.read())),
}));

const text = (id: string) => ({ id, type: "text", text: id });
const draft: Template = {
  format: "formwork-document/1",
  blocks: [text("first"), { id: "pair", type: "columns", columns: [{ blocks: [text("left")] }, { blocks: [] }] }, text("last")],
};
const box = (block: string, y_mm: number, height_mm: number, width_mm = 170) =>
  ({ block, path: "", x_mm: 20, y_mm, width_mm, height_mm, origin: null, is_computed: false, columns: [] });
const drawn = {
  width_mm: 210, height_mm: 297, hash: "", svg: "", text: "first\nleft\nlast", texts: [],
  boxes: [box("first", 20, 10), box("pair", 40, 20), box("left", 40, 20, 80), box("last", 70, 10)],
};

function Editor({ store }: { store: TemplateStore }) {
  const [dragged, setDragged] = useState<Dragged>(null);
  return (
    <TemplateProvider value={store}>
      <AddBlock onDrag={setDragged} />
      <Pages name="Trip" dragged={dragged} onDrag={setDragged} />
    </TemplateProvider>
  );
}

beforeAll(() => i18next.use(ICU).use(initReactI18next).init({ lng: "en", fallbackLng: false, ns: ["app", "editor", "template"], defaultNS: "app", resources: { en: { app, editor, template } } }));
beforeEach(() => {
  // One pixel a millimetre.
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue(new DOMRect(0, 0, 210, 297));
  address.write({});
  localStorage.clear();
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

function open(chosen?: string): { store: TemplateStore; outline: () => string } {
  const store = openStore({ id: "trip", name: "Trip", version: 1, template: draft }, { revision: 0, base_version: 1, published: true, template: draft, problems: [], changed_at: "", changed_by: null });
  store.set({ preview: { pages: [drawn], warnings: [], fields: [], values: {}, computed: {}, took_ms: 1 }, drawing: false });
  address.write(chosen === undefined ? {} : { block: chosen });
  render(<MantineProvider><QueryClientProvider client={new QueryClient()}><Editor store={store} /></QueryClientProvider></MantineProvider>);
  return { store, outline: () => rowsOf(store.document).flatMap((row) => (row.kind === "block" ? [`${row.block.id}@${row.depth}`] : [])).join(" ") };
}

const page = () => screen.getByRole("region", { name: "Page 1" });
const block = (name: string) => within(page()).getByRole("option", { name });
const line = () => page().querySelector<HTMLElement>("[data-drop]");
/** jsdom has no events of dragging, which are mouse events that carry something. */
function drag(kind: "dragstart" | "dragover" | "drop" | "dragend", on: HTMLElement, x = 0, y = 0): void {
  const event = new MouseEvent(kind, { bubbles: true, cancelable: true, clientX: x, clientY: y });
  fireEvent(on, Object.assign(event, { dataTransfer: { setData: () => undefined } }));
}

test("a chosen block is dragged to another place of the page, as one step that can be undone", () => {
  const { store, outline } = open("last");
  drag("dragstart", block("Text last"));
  drag("dragover", page(), 150, 50);
  expect(line()?.style.top).toBe(`${(40 / 297) * 100}%`);
  drag("drop", page(), 150, 50);
  expect(line()).toBeNull();
  expect(outline()).toBe("first@1 pair@1 left@3 last@3");
  expect(screen.getByText("“last” now stands first in “Column 2”.").getAttribute("role")).toBe("status");
  expect(address.read()).toEqual({ block: "last" });
  store.undo();
  expect(store.document).toBe(draft);
});

test("a block that is let go beside the page, or over itself, stays where it was", () => {
  const { store } = open("last");
  drag("dragstart", block("Text last"));
  drag("dragover", page(), 150, 22);
  expect(line()).not.toBeNull();
  drag("dragover", page(), 150, 75);
  expect(line()).toBeNull();
  drag("drop", page(), 150, 75);
  drag("dragover", page(), 150, 22);
  drag("dragend", block("Text last"));
  expect(line()).toBeNull();
  expect(store.document).toBe(draft);
});

test("only the chosen block is dragged", () => {
  open("last");
  expect(block("Text last").getAttribute("draggable")).toBe("true");
  expect(block("Text first").getAttribute("draggable")).toBeNull();
});

test("a new block is dragged onto the page from those that can be added", () => {
  const { outline } = open();
  drag("dragstart", screen.getByRole("button", { name: "Rule" }));
  drag("dragover", page(), 30, 22);
  drag("drop", page(), 30, 22);
  expect(outline()).toBe("rule@1 first@1 pair@1 left@3 last@1");
  expect(address.read()).toEqual({ block: "rule" });
});

test("an arrow key with Alt moves the chosen block on the page, and says where it stands", () => {
  const { outline } = open("last");
  const blocks = screen.getByRole("listbox", { name: "Blocks on page 1" });
  expect(blocks.getAttribute("aria-activedescendant")).toBe(block("Text last").id);
  fireEvent.keyDown(blocks, { key: "ArrowRight", altKey: true });
  expect(outline()).toBe("first@1 pair@1 left@3 last@3");
  fireEvent.keyDown(blocks, { key: "ArrowUp", altKey: true });
  expect(outline()).toBe("first@1 last@1 pair@1 left@3");
  expect(screen.getByText("“last” now stands behind “first”.")).toBeTruthy();
  fireEvent.keyDown(screen.getByRole("button", { name: "Move down: Text last" }), { key: "ArrowDown", altKey: true });
  expect(outline()).toBe("first@1 pair@1 left@3 last@1");
});
