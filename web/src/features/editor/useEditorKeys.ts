// The editor's keys that act wherever the focus is. Single letters belong to the list and the canvas and are handled there.

import { useEffect, useEffectEvent } from "react";

import { singleKeysOn } from "~/lib/keyboard";
import type { SurfaceName } from "./address";

export interface KeyActions {
  undo: () => void;
  redo: () => void;
  /** Of a workflow only, as the other two. */
  run?: () => void;
  runStep?: () => void;
  surface?: (surface: SurfaceName) => void;
  problem: () => void;
  left: () => void;
  right: () => void;
  save: () => void;
}

const SURFACES: Record<string, SurfaceName> = { Digit1: "form", Digit2: "page", Digit3: "values" };
const REGIONS = ["top", "steps", "canvas", "middle", "inspector"];

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

/** The next of the page's regions that can be seen, after the one that has the focus. */
function nextRegion(back: boolean): void {
  const regions = REGIONS.flatMap((name) => [...document.querySelectorAll<HTMLElement>(`[data-region="${name}"]`)]).filter((region) => region.offsetParent !== null);
  const now = regions.findIndex((region) => region.contains(document.activeElement));
  const next = regions[(now + (back ? -1 : 1) + regions.length) % Math.max(1, regions.length)];
  // Where a region has a list or tabs, they are what one comes for.
  const inside = ["[role=treeitem][tabindex='0']", "[role=tab][aria-selected=true]", "button:not(:disabled), input"].map((wanted) => next?.querySelector<HTMLElement>(wanted)).find(Boolean);
  (inside ?? next)?.focus();
}

export function useEditorKeys(actions: KeyActions): void {
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (event.defaultPrevented) return;
    if (command && key === "z") (event.shiftKey ? actions.redo : actions.undo)();
    else if (command && key === "y") actions.redo();
    else if (command && key === "s") actions.save();
    else if (command && key === "enter" && actions.run) (event.shiftKey ? actions.runStep : actions.run)?.();
    else if (key === "f8") actions.problem();
    else if (key === "f6") nextRegion(event.shiftKey);
    else if (event.altKey && actions.surface && SURFACES[event.code]) actions.surface(SURFACES[event.code] as SurfaceName);
    else if (!command && !event.altKey && (key === "[" || key === "]") && !isTyping(event.target) && singleKeysOn()) (key === "[" ? actions.left : actions.right)();
    else return;
    event.preventDefault();
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => onKey(event);
    window.addEventListener("keydown", listener);
    return () => window.removeEventListener("keydown", listener);
  }, []);
}
