// Lays the page out with the values of the trial run; before there is a run, with what the sample alone can say.

import { useEffect, useMemo, useRef, useState } from "react";

import { ApiError } from "~/api/client";
import { isObject } from "~/lib/document/pointer";
import type { JsonObject } from "~/lib/document/types";
import { onlyChip, pieces } from "~/lib/expression/template";
import { isEmpty } from "~/lib/expression/format";
import { fillText, resolve } from "~/lib/expression/values";
import type { Source } from "~/lib/expression/values";
import { errorLine } from "~/ui/Problem";
import { previewDocument } from "../api";
import type { Preview } from "../api";
import { useBuiltins } from "../chips/builtins";
import { useLook } from "../chips/look";
import { useSources } from "../chips/sources";
import { useDocument, useEditor, useStore } from "../state/store";
import { useStale } from "../state/useStale";
import { memberWith } from "./formMembers";

const PAUSE_MS = 90;
/** Names this tab, so that its newest request ends the older ones on the server too. */
const EDITOR = crypto.randomUUID?.() ?? String(Math.random());

export interface PagePreview {
  preview: Preview | null;
  loading: boolean;
  error: string | null;
  /** Steps whose values are not known yet. */
  missing: string[];
}

/** The values a page shows, as far as they can be said without running anything. */
export function valuesFor(templates: JsonObject, sources: readonly Source[], asText: (template: string) => string): { values: JsonObject; missing: string[] } {
  const values: JsonObject = {};
  const missing = new Set<string>();
  for (const [name, template] of Object.entries(templates)) {
    if (typeof template !== "string" || template.trim() === "") continue;
    const chip = onlyChip(template);
    if (chip && chip.filters.length === 0) {
      const found = resolve(sources, chip.path);
      if (found.value !== undefined && found.value !== null) values[name] = found.value;
      else if (chip.fallback) values[name] = chip.fallback;
      else if (found.source && found.source.value === undefined) missing.add(found.source.id);
      continue;
    }
    const parts = pieces(template);
    for (const piece of parts) {
      if (piece.type !== "chip") continue;
      const found = resolve(sources, piece.chip.path);
      if (found.source && found.source.value === undefined && isEmpty(found.value)) missing.add(found.source.id);
    }
    if (parts.every((piece) => piece.type === "text" || piece.type === "chip")) values[name] = asText(template);
  }
  return { values, missing: [...missing] };
}

export function usePagePreview(step: string): PagePreview {
  const store = useStore();
  const document = useDocument();
  const ownSources = useSources(step);
  const builtins = useBuiltins();
  const look = useLook();
  const node = document.nodes.find((item) => item.id === step);
  const schema = node ? store.types.get(node.type)?.schema : undefined;
  const documentMember = schema ? memberWith(schema, "document") : null;
  const valuesMember = schema ? memberWith(schema, "key_value") : null;
  const documentId = node && documentMember ? node.config[documentMember] : null;

  // The sample alone knows no computed amounts: the first page waits for the run that is about to tell them.
  const ran = useEditor((state) => Object.keys(state.results).length > 0 || state.trial?.error !== null && state.trial !== null);
  const hasSample = useDocument().samples.some((sample) => Object.keys(sample.input).length > 0);
  const broken = useEditor((state) => state.checked?.problems.some((problem) => problem.severity === "error") ?? false);
  const stale = useStale().size > 0;
  const plan = useMemo(() => {
    if (!node || typeof documentId !== "string" || (hasSample && !ran && !broken)) return null;
    const templates = valuesMember && isObject(node.config[valuesMember]) ? node.config[valuesMember] : {};
    const sources = [...ownSources, ...builtins];
    const guess = valuesFor(templates, sources, (template) => fillText(template, sources, look));
    return { body: { document_id: documentId, values: guess.values, locale: document.locale, currency: document.currency, time_zone: document.time_zone, editor: EDITOR } as JsonObject, missing: guess.missing };
  }, [node, documentId, valuesMember, ownSources, builtins, look, document, hasSample, ran, broken]);

  const [state, setState] = useState<Omit<PagePreview, "missing">>({ preview: null, loading: true, error: null });
  const body = plan ? JSON.stringify(plan.body) : null;
  const asked = useRef<AbortController | null>(null);
  useEffect(() => {
    if (body === null) return undefined;
    const timer = setTimeout(() => {
      asked.current?.abort();
      const mine = new AbortController();
      asked.current = mine;
      setState((now) => ({ ...now, loading: true }));
      previewDocument(JSON.parse(body) as JsonObject, mine.signal).then(
        (preview) => !mine.signal.aborted && setState({ preview, loading: false, error: null }),
        async (error: unknown) => {
          if (mine.signal.aborted || (error instanceof ApiError && error.problem.type === "superseded")) return;
          // Without a connection the last page stays; the bar above says why nothing changes.
          const line = error instanceof ApiError && error.offline ? null : await errorLine(error);
          if (!mine.signal.aborted) setState((now) => ({ ...now, loading: false, error: line }));
        },
      );
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [body]);
  if (!plan) return { preview: null, loading: hasSample && !ran, error: null, missing: [] };
  // While the values are out of date the last good page stays; the run that follows says whether something is wrong.
  return { ...state, error: stale ? null : state.error, missing: plan.missing };
}
