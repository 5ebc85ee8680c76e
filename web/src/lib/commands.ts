/* What can be done on the screen that is open, for the command palette. Screens register it while they are shown. */
import { useEffect, useRef } from "react";

export interface Command {
  id: string;
  label: string;
  /** As it is shown, such as "R". */
  shortcut?: string;
  run: () => void;
}

const shown = new Set<() => readonly Command[]>();

/** The commands of every screen part that is shown now. */
export function commandsHere(): Command[] {
  return [...shown].flatMap((read) => read());
}

export function useCommands(commands: readonly Command[]): void {
  const latest = useRef(commands);
  useEffect(() => {
    latest.current = commands;
  });
  useEffect(() => {
    const read = () => latest.current;
    shown.add(read);
    return () => {
      shown.delete(read);
    };
  }, []);
}
