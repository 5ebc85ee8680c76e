// What the address bar holds of the editor: the step, the field, the surface, the view, the sample. Back works.

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";

export type SurfaceName = "form" | "page" | "values" | "result";
export type View = "list" | "canvas";
export type Tab = "setup" | "data" | "errors" | "run";

export interface Address {
  step?: string;
  field?: string;
  surface?: SurfaceName;
  view: View;
  sample?: string;
  tab: Tab;
}

const one = <T extends string>(value: unknown, allowed: readonly T[]): T | undefined =>
  typeof value === "string" && (allowed as readonly string[]).includes(value) ? (value as T) : undefined;
const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : typeof value === "number" ? String(value) : undefined);

export function readAddress(search: Record<string, unknown>): Address {
  return {
    step: text(search["step"]),
    field: text(search["field"]),
    surface: one(search["surface"], ["form", "page", "values", "result"] as const),
    view: search["surface"] === "canvas" || search["view"] === "canvas" ? "canvas" : "list",
    sample: text(search["sample"]),
    tab: one(search["tab"], ["setup", "data", "errors", "run"] as const) ?? "setup",
  };
}

export function useAddress(): [Address, (patch: Partial<Address>, replace?: boolean) => void] {
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const address = useMemo(() => readAddress(search), [search]);
  const go = useCallback(
    (patch: Partial<Address>, replace = false) => {
      void navigate({
        to: ".",
        replace,
        search: (before: Record<string, unknown>) => {
          const now = { ...readAddress(before), ...patch };
          return {
            ...(now.step ? { step: now.step } : {}),
            ...(now.field ? { field: now.field } : {}),
            ...(now.surface ? { surface: now.surface } : {}),
            ...(now.view === "canvas" ? { view: "canvas" } : {}),
            ...(now.sample ? { sample: now.sample } : {}),
            ...(now.tab !== "setup" ? { tab: now.tab } : {}),
          };
        },
      } as never);
    },
    [navigate],
  );
  return [address, go];
}
