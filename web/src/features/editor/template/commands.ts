// What people do to blocks, each one step of undo, and what is chosen afterwards.

import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import { getAt, isObject, toPointer } from "~/lib/document/pointer";
import type { Path } from "~/lib/document/pointer";
import type { Json, JsonObject } from "~/lib/document/types";
import type { Source } from "~/lib/expression/values";
import { blockAround, blockAt, pathOf, rowsOf } from "~/lib/template/blocks";
import type { Block, Row, Template } from "~/lib/template/blocks";
import { duplicate, gapAt, insert, move, moveIn, moveOut, patched, put, readBlocks, remove, shift, withFreshIds } from "~/lib/template/edits";
import { pathOfPointer } from "~/lib/template/places";
import { listsIn, sourcesAt } from "~/lib/template/scope";
import type { ScopeWords } from "~/lib/template/scope";
import { newBlock } from "~/lib/template/starts";
import { say } from "~/ui/Toasts";
import { useFirmSources } from "../chips/firm";
import { useTemplateAddress } from "./address";
import type { TemplatePreview } from "./api";
import { useTemplate, useTemplateState, useTemplateStore } from "./state";
import { blockTitle, kindName, placeName } from "./words";

/** What is chosen: a block, a place that holds blocks, or nothing, which is the page itself. */
export interface Choice {
  path: Path | null;
  block: Block | null;
}

export function useChoice(): Choice {
  const template = useTemplate();
  const [{ block: wanted }] = useTemplateAddress();
  return useMemo(() => {
    if (wanted === undefined) return { path: null, block: null };
    const path = wanted.startsWith("/") ? pathOfPointer(wanted) : pathOf(template, wanted);
    return { path, block: path ? blockAt(template, path) : null };
  }, [template, wanted]);
}

/** What the address says of a line of the tree. */
export function addressOf(row: Row): string {
  return row.kind === "block" ? row.block.id : row.key;
}

export function useScopeWords(): ScopeWords {
  const { t } = useTranslation("template");
  return useMemo(() => ({ fields: t("scope.fields"), entry: t("scope.entry"), number: t("scope.number"), page: t("scope.page"), pages: t("scope.pages") }), [t]);
}

/** What the pages show of each field, also of those that the document computes. */
function shown(preview: TemplatePreview | null): JsonObject {
  return { ...preview?.values, ...preview?.computed };
}

/** What a text at this place may read, with the values that the pages show. */
export function useSourcesAt(path: Path): Source[] {
  const template = useTemplate();
  const preview = useTemplateState((state) => state.preview);
  const words = useScopeWords();
  const firm = useFirmSources("");
  const pointer = toPointer(path);
  return useMemo(() => [...sourcesAt(template, pathOfPointer(pointer), shown(preview), words), ...firm], [template, pointer, preview, words, firm]);
}

export interface BlockCommands {
  select: (address: string | undefined, replace?: boolean) => void;
  add: (type: string, at?: { list: Path; index: number }) => void;
  remove: (path: Path) => void;
  duplicate: (path: Path) => void;
  shift: (path: Path, by: -1 | 1) => void;
  /** Into the block before, or out of the one around. */
  indent: (path: Path, inwards: boolean) => void;
  move: (from: Path, list: Path, index: number) => void;
  copy: (path: Path) => string;
  /** Puts in what was copied; false when the text holds no blocks. */
  paste: (text: string, at: Path | null) => boolean;
  /** Members of a record; `undefined` takes one away. */
  set: (path: Path, patch: Record<string, Json | undefined>, what: string) => void;
  /** One place, such as a text. */
  write: (path: Path, value: Json | undefined, what: string) => void;
}

/** The keys of `movesOf`, as assistive technology is told of them. */
export const MOVE_KEYS = "Alt+ArrowUp Alt+ArrowDown Alt+ArrowLeft Alt+ArrowRight";

/** What an arrow key with Alt does with a block, wherever it has the focus. */
export function movesOf(commands: BlockCommands, path: Path): Record<string, () => void> {
  return {
    ArrowUp: () => commands.shift(path, -1), ArrowDown: () => commands.shift(path, 1),
    ArrowRight: () => commands.indent(path, true), ArrowLeft: () => commands.indent(path, false),
  };
}

export function useBlockCommands(): BlockCommands {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const words = useScopeWords();
  const [{ block: chosen }, go] = useTemplateAddress();
  return useMemo((): BlockCommands => {
    const select = (block: string | undefined, replace = false) => go({ block }, replace);
    const here = (template: Template) => (chosen === undefined ? null : chosen.startsWith("/") ? pathOfPointer(chosen) : pathOf(template, chosen));
    const name = (path: Path) => placeName(store.document, path, t);
    const change = (label: string, edit: (template: Template) => Template | null) => store.edit(label, edit);
    return {
      select,
      add: (type, at) => {
        const template = store.document;
        const gap = at ?? gapAt(template, here(template));
        const lists = listsIn(sourcesAt(template, [...gap.list, gap.index], shown(store.get().preview), words));
        const block = newBlock(template, type, lists, { heading: t("start.heading"), text: t("start.text"), label: t("start.label"), sign: t("start.sign") });
        change(t("label.add", { name: kindName(type, t) }), (current) => insert(current, gap.list, gap.index, block));
        select(block.id);
      },
      remove: (path) => {
        const title = name(path);
        const rows = rowsOf(store.document);
        const at = rows.findIndex((row) => row.key === toPointer(path));
        // What follows on the same level, else what stands before it.
        const next = rows.slice(at + 1).find((row) => row.kind === "block" && row.depth <= (rows[at]?.depth ?? 0)) ?? rows[at - 1];
        change(t("label.remove", { name: title }), (current) => remove(current, path));
        const left = next?.kind === "block" ? next.block.id : next?.key;
        select(left);
        say(t("removed", { name: title }), { label: t("undo"), run: store.undo });
      },
      duplicate: (path) => {
        const copy = duplicate(store.document, path);
        if (!copy) return;
        change(t("label.duplicate", { name: name(path) }), () => copy.template);
        select(blockAt(copy.template, copy.path)?.id);
      },
      shift: (path, by) => change(t("label.move", { name: name(path) }), (current) => shift(current, path, by)),
      indent: (path, inwards) => change(t("label.move", { name: name(path) }), (current) => (inwards ? moveIn(current, path) : moveOut(current, path, 1))),
      move: (from, list, index) => change(t("label.move", { name: name(from) }), (current) => move(current, from, list, index)),
      copy: (path) => JSON.stringify(blockAt(store.document, path) ?? null, null, 2),
      paste: (text, at) => {
        const blocks = readBlocks(text);
        if (!blocks) return false;
        const gap = gapAt(store.document, at);
        let template = store.document;
        let last: Block | null = null;
        for (const [step, block] of blocks.entries()) {
          last = withFreshIds(block, template);
          template = insert(template, gap.list, gap.index + step, last);
        }
        change(t("label.paste", { count: blocks.length }), () => template);
        if (last) select(last.id);
        return true;
      },
      write: (path, value, what) => {
        const block = blockAround(store.document, path) ?? [];
        store.edit(t("label.change", { what, name: placeName(store.document, block, t) }), (current) => put(current, path, value), toPointer(path));
      },
      set: (path, patch, what) => {
        const [place] = Object.keys(patch);
        store.edit(
          t("label.change", { what, name: placeName(store.document, blockAround(store.document, path) ?? [], t) }),
          (current) => {
            const record = getAt(current, path);
            return put(current, path, patched(isObject(record) ? record : {}, patch));
          },
          `${toPointer(path)}/${place ?? ""}`,
        );
      },
    };
  }, [t, store, words, chosen, go]);
}

/** The choice's title, and the place it lies in. */
export function useChosenTitle({ path, block }: Choice): string {
  const { t } = useTranslation("template");
  const template = useTemplate();
  if (block) return blockTitle(block, t);
  if (!path) return t("page.title");
  const row = rowsOf(template).find((one) => one.key === toPointer(path));
  return row?.kind === "slot" ? t(`slot.${row.slot}`, { number: row.number }) : t("page.title");
}

/** The place around a block: what Escape goes up to. */
export function around(template: Template, path: Path): string | undefined {
  const rows = rowsOf(template);
  const at = rows.findIndex((row) => row.key === toPointer(path));
  const depth = rows[at]?.depth ?? 0;
  const outer = rows.slice(0, Math.max(0, at)).findLast((row) => row.depth < depth);
  return outer ? addressOf(outer) : undefined;
}
