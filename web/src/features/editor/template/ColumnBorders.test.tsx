import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import i18next from "i18next";
import ICU from "i18next-icu";
import { initReactI18next } from "react-i18next";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";

import type { PreviewBox, PreviewPage } from "~/api/types";
import { getAt, isObject } from "~/lib/document/pointer";
import { blockAt, FORMAT } from "~/lib/template/blocks";
import { ColumnBorders } from "./ColumnBorders";
import words from "./i18n/en.json";
import { openStore, TemplateProvider, useTemplate } from "./state";
import type { TemplateStore } from "./state";

beforeAll(async () => {
  await i18next.use(ICU).use(initReactI18next).init({ lng: "en", fallbackLng: false, defaultNS: "template", resources: { en: { template: words } } });
  Element.prototype.setPointerCapture = () => undefined;
});
beforeEach(() => {
  localStorage.clear();
  // The page is 200 mm wide, and as many pixels.
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue({ width: 200 } as DOMRect);
});
afterEach(() => {
  vi.restoreAllMocks();
  cleanup();
});

const template = {
  format: FORMAT,
  blocks: [{ id: "t", type: "table", rows: "{{ lines }}", columns: [{ heading: "What", value: "a", width: 60 }, { heading: "Price", value: "b", width: 40 }] }],
};
const page = { width_mm: 200, height_mm: 300, hash: "", svg: "", text: "", boxes: [], texts: [] } as PreviewPage;
const box = (columns: Array<{ x_mm: number; width_mm: number }>) =>
  ({ block: "t", path: "/blocks/0", x_mm: 20, y_mm: 20, width_mm: 104, height_mm: 50, origin: null, is_computed: false, columns }) as PreviewBox;
const DRAWN = box([{ x_mm: 20, width_mm: 60 }, { x_mm: 84, width_mm: 40 }]);
const MIRRORED = box([{ x_mm: 64, width_mm: 60 }, { x_mm: 20, width_mm: 40 }]);

function open(): TemplateStore {
  const draft = { revision: 1, base_version: 1, published: true, template, problems: [], changed_at: "", changed_by: null };
  return openStore({ id: "d", name: "D", version: 1, template }, draft);
}

function Shown({ drawn }: { drawn: PreviewBox }) {
  const path = ["blocks", 0];
  return <ColumnBorders page={page} box={drawn} choice={{ path, block: blockAt(useTemplate(), path) }} focusable />;
}

function show(drawn: PreviewBox): { store: TemplateStore; border: HTMLElement } {
  const store = open();
  render(<TemplateProvider value={store}><Shown drawn={drawn} /></TemplateProvider>);
  return { store, border: screen.getByRole("separator", { name: "Border between What and Price" }) };
}

const widths = (store: TemplateStore) => {
  const columns = getAt(store.document, ["blocks", 0, "columns"]);
  return (Array.isArray(columns) ? columns : []).map((column) => (isObject(column) ? column["width"] : null));
};

test("a border says how wide the column before it is, and between which widths", () => {
  const { border } = show(DRAWN);
  expect(["now", "min", "max", "text"].map((name) => border.getAttribute(`aria-value${name}`))).toEqual(["60", "5", "95", "60 mm"]);
  expect(border.style.left).toBe("41%");
});

test("dragging it is one step of undo, however long it takes", () => {
  const { store, border } = show(DRAWN);
  fireEvent.pointerDown(border, { clientX: 82, button: 0 });
  for (const clientX of [85, 90, 87]) fireEvent.pointerMove(border, { clientX });
  expect(widths(store)).toEqual([60, 40]);
  expect(border.textContent).toBe("65 mm | 35 mm");
  fireEvent.pointerUp(border);
  expect(widths(store)).toEqual([65, 35]);
  expect(store.get().history.past.length).toBe(1);
  store.undo();
  expect(widths(store)).toEqual([60, 40]);
});

test("Escape leaves the widths as they are", () => {
  const { store, border } = show(DRAWN);
  fireEvent.pointerDown(border, { clientX: 82, button: 0 });
  fireEvent.pointerMove(border, { clientX: 90 });
  fireEvent.keyDown(border, { key: "Escape" });
  fireEvent.pointerUp(border);
  expect(store.get().history.past.length).toBe(0);
});

test("arrow keys move it, also before the page is drawn anew", () => {
  const { store, border } = show(DRAWN);
  fireEvent.keyDown(border, { key: "ArrowRight" });
  fireEvent.keyDown(border, { key: "ArrowRight" });
  expect(widths(store)).toEqual([62, 38]);
  fireEvent.keyDown(border, { key: "ArrowLeft", shiftKey: true });
  expect(widths(store)).toEqual([52, 48]);
  fireEvent.keyDown(border, { key: "End" });
  expect(widths(store)).toEqual([95, 5]);
  expect(store.get().history.past.length).toBe(1);
});

test("in a table that runs from right to left, it goes where it is moved", () => {
  const { store, border } = show(MIRRORED);
  fireEvent.keyDown(border, { key: "ArrowRight" });
  expect(widths(store)).toEqual([59, 41]);
});

test("nothing is said of columns that are not drawn yet", () => {
  const store = open();
  render(<TemplateProvider value={store}><Shown drawn={box([{ x_mm: 20, width_mm: 100 }])} /></TemplateProvider>);
  expect(screen.queryByRole("separator")).toBeNull();
});
