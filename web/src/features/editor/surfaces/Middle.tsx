// The middle of the editor: the visitor's form, the page or the values of the sample. A surface is chosen by the selected step's
// own surface until the person picks another.

import { Anchor, SegmentedControl } from "@mantine/core";
import { ArrowUpRight, ClipboardList, FileText, Monitor, Smartphone, Table2 } from "lucide-react";
import { useState } from "react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { ancestors, descendants } from "~/lib/document/edits";
import { inOrder } from "~/lib/document/lanes";
import type { Surface, Workflow } from "~/lib/document/types";
import { useAddress } from "../address";
import type { SurfaceName } from "../address";
import { useDocument, useEditor } from "../state/store";
import { FormSurface } from "./FormSurface";
import { PageBar, PageSurface } from "./PageSurface";
import { ResultSurface } from "./ResultSurface";
import { ValuesSurface } from "./ValuesSurface";
import classes from "./surfaces.module.css";

/** The step of that surface nearest to the selected one: itself, then the next after it, then any. */
export function nearestWith(document: Workflow, wanted: Surface, surfaceOf: (id: string) => Surface | undefined, step: string | undefined): string | null {
  const all = inOrder(document).filter((id) => surfaceOf(id) === wanted);
  if (step && all.includes(step)) return step;
  if (step) {
    const after = descendants(document, step);
    const before = ancestors(document, step);
    const near = all.find((id) => after.has(id)) ?? all.findLast((id) => before.has(id));
    if (near) return near;
  }
  return all[0] ?? null;
}

export function useSurfaces() {
  const document = useDocument();
  const nodes = useEditor((state) => state.checked?.nodes);
  const [address] = useAddress();
  const surfaceOf = (id: string) => nodes?.[id]?.surface;
  const form = nearestWith(document, "form", surfaceOf, address.step);
  const page = nearestWith(document, "page", surfaceOf, address.step);
  const own = address.step ? surfaceOf(address.step) : undefined;
  let shown: SurfaceName = address.surface ?? (own === "form" ? "form" : own === "page" ? "page" : own === "text" || own === "message" ? "result" : page ? "page" : form ? "form" : "values");
  if (shown === "page" && !page) shown = form ? "form" : "values";
  if (shown === "form" && !form) shown = page ? "page" : "values";
  // A written text that lands on a page is best seen there.
  if (!address.surface && own === "text" && page && address.step && descendants(document, address.step).has(page)) shown = "page";
  return { shown, form, page, own };
}

export function Middle({ formUrl }: { formUrl: string | null }) {
  const { t } = useTranslation("editor");
  const [address, go] = useAddress();
  const { shown, form, page, own } = useSurfaces();
  const [width, setWidth] = useState<"desktop" | "phone">("desktop");
  const label = (icon: ReactNode, text: string) => <span style={{ display: "inline-flex", gap: 6, alignItems: "center" }}>{icon}{text}</span>;
  const choices = [
    ...(form ? [{ value: "form", label: label(<ClipboardList size={14} aria-hidden />, t("surface.form")) }] : []),
    ...(page ? [{ value: "page", label: label(<FileText size={14} aria-hidden />, t("surface.page")) }] : []),
    ...(own === "text" || own === "message" ? [{ value: "result", label: label(<ArrowUpRight size={14} aria-hidden />, t("surface.result")) }] : []),
    { value: "values", label: label(<Table2 size={14} aria-hidden />, t("surface.values")) },
  ];
  return (
    <section className={classes["middle"]} aria-label={t("surface.label")} data-region="middle" tabIndex={-1}>
      <div className={classes["bar"]}>
        <SegmentedControl aria-label={t("surface.choose")} data={choices} value={shown} onChange={(surface) => go({ surface: surface as SurfaceName })} />
        <span className={classes["spacer"]} />
        {shown === "form" && (
          <>
            <SegmentedControl
              aria-label={t("surface.width")} value={width} onChange={(next) => setWidth(next as "desktop" | "phone")}
              data={[
                { value: "desktop", label: <Monitor size={14} aria-label={t("surface.desktop")} /> },
                { value: "phone", label: <Smartphone size={14} aria-label={t("surface.phone")} /> },
              ]}
            />
            {formUrl && <Anchor href={formUrl} target="_blank" size="sm">{t("surface.openForm", { path: new URL(formUrl, location.href).pathname })} <ArrowUpRight size={13} aria-hidden /></Anchor>}
          </>
        )}
        {shown === "page" && page && <PageBar />}
      </div>
      {shown === "form" && form && <FormSurface key={form} step={form} phone={width === "phone"} />}
      {shown === "page" && page && <PageSurface key={page} step={page} />}
      {shown === "values" && <ValuesSurface />}
      {shown === "result" && address.step && <ResultSurface step={address.step} />}
    </section>
  );
}
