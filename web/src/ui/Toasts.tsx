import { Button } from "@mantine/core";
import { useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import classes from "./Toasts.module.css";

/** Toasts exist for undo and for things that finish elsewhere; they are no place for errors. */
export interface Toast {
  id: number;
  text: string;
  action?: { label?: string; run: () => void };
}

const STAYS_MS = 10_000;
let next = 1;
let toasts: readonly Toast[] = [];
const watchers = new Set<() => void>();
const ends = new Map<number, { timer: ReturnType<typeof setTimeout>; atEnd?: () => void }>();

function set(list: readonly Toast[]): void {
  toasts = list;
  for (const watcher of watchers) watcher();
}

function remove(id: number): void {
  const end = ends.get(id);
  if (end !== undefined) clearTimeout(end.timer);
  ends.delete(id);
  set(toasts.filter((toast) => toast.id !== id));
}

function finish(id: number): void {
  const end = ends.get(id);
  remove(id);
  end?.atEnd?.();
}

export function say(text: string, action?: Toast["action"]): void {
  const id = next++;
  ends.set(id, { timer: setTimeout(() => finish(id), STAYS_MS) });
  set([...toasts, { id, text, action }]);
}

/**
 * Shows that something is gone and offers it back for ten seconds. `commit` runs when they are over, or at once
 * when the page is left; `undo` puts the thing back on the screen.
 */
export function sayUndo(text: string, commit: () => void, undo: () => void): void {
  const id = next++;
  ends.set(id, { timer: setTimeout(() => finish(id), STAYS_MS), atEnd: commit });
  set([
    ...toasts,
    {
      id,
      text,
      action: {
        run: () => {
          remove(id);
          undo();
        },
      },
    },
  ]);
}

window.addEventListener("pagehide", () => {
  for (const id of [...ends.keys()]) finish(id);
});

export function Toasts() {
  const { t } = useTranslation();
  const list = useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => toasts,
  );
  return (
    <div className={classes.stack} role="status" aria-live="polite">
      {list.map((toast) => (
        <div key={toast.id} className={classes.toast}>
          <span>{toast.text}</span>
          {toast.action !== undefined && (
            <Button
              size="xs"
              variant="subtle"
              className={classes.action}
              onClick={() => {
                toast.action?.run();
                remove(toast.id);
              }}
            >
              {toast.action.label ?? t("common.undo")}
            </Button>
          )}
        </div>
      ))}
    </div>
  );
}
