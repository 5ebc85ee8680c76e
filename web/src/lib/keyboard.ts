import { useEffect, useRef } from "react";

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}

const STORED = "formwork-single-keys";

/** Single letters can be turned off: speech input and stray hands type them unasked. */
export function singleKeysOn(): boolean {
  return localStorage.getItem(STORED) !== "off";
}

export function setSingleKeys(on: boolean): void {
  localStorage.setItem(STORED, on ? "on" : "off");
}

/** Calls the action named by a key or a sequence ("n", "/", "g w") unless somebody is typing or a dialog is open. */
export function useKeys(actions: Record<string, () => void>): void {
  const latest = useRef(actions);
  useEffect(() => {
    latest.current = actions;
  });
  useEffect(() => {
    let first: { key: string; at: number } | null = null;
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      if (!singleKeysOn() || document.querySelector('[role="dialog"],[data-opening]') !== null) return;
      const key = event.key.toLowerCase();
      const pair = first !== null && event.timeStamp - first.at < 1200 ? `${first.key} ${key}` : null;
      const action = (pair !== null ? latest.current[pair] : undefined) ?? latest.current[key];
      first = action === undefined ? { key, at: event.timeStamp } : null;
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}
