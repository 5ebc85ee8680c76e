/* What can be done on the screen that is open, for the command palette. Screens register it while they are shown. */
import { useEffect, useId, useRef, useSyncExternalStore } from "react";

export interface Command {
  id: string;
  label: string;
  /** As it is shown, such as "R". */
  shortcut?: string;
  run: () => void;
}

const parts = new Map<string, readonly Command[]>();
const watchers = new Set<() => void>();
let all: readonly Command[] = [];

function set(part: string, commands: readonly Command[] | undefined): void {
  if (commands === undefined) parts.delete(part);
  else parts.set(part, commands);
  all = [...parts.values()].flat();
  for (const watcher of watchers) watcher();
}

/** The commands of every part of the screen that is shown now. */
export function useCommandsHere(): readonly Command[] {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => all,
  );
}

/** Registers commands while the caller is shown; who looks sees a change when their names change. */
export function useCommands(commands: readonly Command[]): void {
  const part = useId();
  const latest = useRef(commands);
  useEffect(() => {
    latest.current = commands;
  });
  const names = JSON.stringify(commands.map(({ id, label, shortcut }) => [id, label, shortcut]));
  useEffect(() => {
    set(
      part,
      latest.current.map((command) => ({ ...command, run: () => latest.current.find((one) => one.id === command.id)?.run() })),
    );
    return () => set(part, undefined);
  }, [part, names]);
}
