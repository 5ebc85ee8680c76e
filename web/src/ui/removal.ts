// Deleting from a list: the row is gone at once, the thing itself when the time for undo is over.

import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { sayUndo } from "./Toasts";

export interface Removal {
  /** What kept the last one from being deleted; its row is back. */
  error: Error | null;
  left: <T extends { id: string }>(items: readonly T[] | undefined) => T[];
  take: (id: string, told: string) => void;
}

export function useRemoval(remove: (id: string) => Promise<unknown>, fresh: () => Promise<unknown>): Removal {
  const [gone, setGone] = useState<readonly string[]>([]);
  const back = (id: string) => setGone((before) => before.filter((one) => one !== id));
  const removal = useMutation({ mutationFn: remove, onSettled: fresh, onError: (_error, id) => back(id) });
  return {
    error: removal.error,
    left: (items) => (items ?? []).filter((one) => !gone.includes(one.id)),
    take: (id, told) => {
      setGone((before) => [...before, id]);
      sayUndo(told, () => removal.mutate(id), () => back(id));
    },
  };
}
