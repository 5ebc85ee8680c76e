// Which entry of a list of a block is open: one at a time, also opened from outside, as by a problem that is shown.

import { useSyncExternalStore } from "react";

import { toPointer } from "~/lib/document/pointer";
import type { Path } from "~/lib/document/pointer";

const opened = new Map<string, number>();
const watchers = new Set<() => void>();

export function openEntry(list: Path, index: number | null): void {
  const key = toPointer(list);
  if (index === null) opened.delete(key);
  else opened.set(key, index);
  for (const watcher of watchers) watcher();
}

export function useOpenEntry(list: Path): [number | null, (index: number | null) => void] {
  const key = toPointer(list);
  const open = useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => opened.get(key) ?? null,
  );
  return [open, (index) => openEntry(list, index)];
}
