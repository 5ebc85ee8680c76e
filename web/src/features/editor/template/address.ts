// What the address bar holds of the template editor: the block, or the pointer of a place that holds blocks, and the sample. Back works.

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

export interface TemplateAddress {
  block?: string;
  sample?: string;
}

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);

function read(search: Record<string, unknown>): TemplateAddress {
  // A name of digits only comes back as a number.
  const { block } = search;
  return { block: text(typeof block === "number" ? String(block) : block), sample: text(search["sample"]) };
}

export function useTemplateAddress(): [TemplateAddress, (patch: TemplateAddress, replace?: boolean) => void] {
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const go = useCallback(
    (patch: TemplateAddress, replace = false) => {
      const next = (before: Record<string, unknown>) => Object.fromEntries(Object.entries({ ...read(before), ...patch }).filter(([, value]) => value !== undefined));
      void navigate({ to: ".", replace, search: next } as never);
    },
    [navigate],
  );
  return [read(search), go];
}
