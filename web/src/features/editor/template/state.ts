// The template editor's state: the draft with its history, what the server says about it, the pages drawn of it.

import { createContext, use, useSyncExternalStore } from "react";

import type { SaidProblem } from "~/api/types";
import { sameJson } from "~/lib/document/pointer";
import { isTemplate } from "~/lib/template/blocks";
import type { Template } from "~/lib/template/blocks";
import { mergeTemplates } from "~/lib/template/merge";
import { DraftStore, storage } from "../state/draft";
import type { DraftState } from "../state/draft";
import type { DraftServer } from "../state/saver";
import { getDraft, putDraft } from "./api";
import type { DocumentInfo, TemplateDraft, TemplatePreview } from "./api";

export interface TemplateState extends DraftState<Template> {
  /** What keeps the template from being drawn and published. */
  problems: readonly SaidProblem[];
  /** The last pages that could be drawn. */
  preview: TemplatePreview | null;
  drawing: boolean;
  error: string | null;
  /** Id of the sample that the pages show; `null`: as the workflows that use the document fill it in. */
  sample: string | null;
  /** Number of the newest version, and whether the draft says what it says. */
  version: number;
  published: boolean;
  /** The version on top of which the next save is meant, when others made one since the draft was begun. */
  onTop: number | null;
}

export type TemplateStore = DraftStore<Template, TemplateState>;

export function openStore(document: DocumentInfo, draft: TemplateDraft): TemplateStore {
  return new DraftStore<Template, TemplateState>(
    {
      id: document.id,
      place: `formwork-template-${document.id}`,
      base: { revision: draft.revision, document: draft.template },
      isDocument: isTemplate,
      storage: storage(),
    },
    { problems: draft.problems, preview: null, drawing: true, error: null, sample: null, version: document.version, published: draft.published, onTop: null },
  );
}

export function templateServer(store: TemplateStore): DraftServer<Template> {
  return {
    read: async () => {
      const { template, ...draft } = await getDraft(store.id);
      store.set({ published: draft.published });
      return { ...draft, document: template };
    },
    write: async (baseRevision, template) => {
      const saved = await putDraft(store.id, baseRevision, template, store.get().onTop);
      store.set({ published: false, onTop: null });
      return saved;
    },
    same: sameJson,
    merge: mergeTemplates,
  };
}

const Context = createContext<TemplateStore | null>(null);
export const TemplateProvider = Context.Provider;

export function useTemplateStore(): TemplateStore {
  const store = use(Context);
  if (!store) throw new Error("outside of a template's editor");
  return store;
}

export function useTemplateState<T>(read: (state: TemplateState) => T): T {
  const store = useTemplateStore();
  return useSyncExternalStore(store.subscribe, () => read(store.get()));
}

export function useTemplate(): Template {
  return useTemplateState((state) => state.history.present);
}
