// What chips need of the editor they stand in: whose undo they use, and where its times are read.

import { createContext, use } from "react";

export interface ChipHost {
  undo: () => void;
  redo: () => void;
  timeZone: string;
}

const Context = createContext<ChipHost | null>(null);
export const ChipHostProvider = Context.Provider;

export function useChipHost(): ChipHost {
  const host = use(Context);
  if (!host) throw new Error("outside of an editor");
  return host;
}
