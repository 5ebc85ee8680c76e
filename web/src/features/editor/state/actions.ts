// Saving and running, for any component below the editor page.

import { createContext, use } from "react";

import type { Gap } from "~/lib/document/edits";
import type { Workflow } from "~/lib/document/types";
import type { TrialScope } from "./trial";

export interface Actions {
  run: (scope: TrialScope) => void;
  stop: () => void;
  settle: (document: Workflow, label: string) => void;
  flush: () => Promise<boolean>;
  openPalette: (gap?: Gap) => void;
}

const Context = createContext<Actions | null>(null);
export const ActionsProvider = Context.Provider;

export function useActions(): Actions {
  const actions = use(Context);
  if (!actions) throw new Error("outside of an editor");
  return actions;
}
