// The page as the real engine lays it out with this sample's values; words are clickable and tell where they come from.

import { ActionIcon, Loader, Switch } from "@mantine/core";
import { ChevronLeft, ChevronRight, TriangleAlert, ZoomIn, ZoomOut } from "lucide-react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";

import type { Family } from "~/lib/document/types";
import { OriginCard } from "~/ui/origins/OriginCard";
import { Sheet, type Place } from "~/ui/origins/Sheet";
import { useOriginWords } from "~/ui/origins/words";
import { warningText } from "~/ui/server-words/words";
import { useAddress } from "../address";
import type { Box } from "../api";
import { Floating } from "../chips/Floating";
import { useSources } from "../chips/sources";
import { FAMILIES } from "../icons";
import { useActions } from "../state/actions";
import { useDocument, useEditor } from "../state/store";
import { usePagePreview } from "./usePagePreview";
import { originOf } from "./origin";
import type { Origin } from "./origin";
import classes from "./surfaces.module.css";

/** What the bar above the page shares with the pages below it. */
interface PageView {
  origins: boolean;
  zoom: number;
  page: number;
  pages: number;
  families: readonly Family[];
}
let view: PageView = { origins: true, zoom: 1, page: 1, pages: 1, families: [] };
const watchers = new Set<() => void>();
function setView(patch: Partial<PageView>): void {
  view = { ...view, ...patch };
  for (const watcher of watchers) watcher();
}
function useView(): PageView {
  return useSyncExternalStore((watcher) => {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  }, () => view);
}

export function PageBar() {
  const { t } = useTranslation("editor");
  const { origins, page, pages, zoom, families } = useView();
  const goTo = (number: number) => {
    setView({ page: number });
    globalThis.document.getElementById(`page-${number}`)?.scrollIntoView({ behavior: "smooth", block: "start" });
  };
  return (
    <>
      <Switch label={t("page.origins")} checked={origins} onChange={(event) => setView({ origins: event.currentTarget.checked })} />
      {origins && (
        <div className={classes["legend"]}>
          {families.map((family) => <span key={family}><i style={{ background: `var(--${family})` }} />{t(`legend.${family}`)}</span>)}
        </div>
      )}
      <div className={classes["pager"]}>
        <ActionIcon className={classes["zoom"]} size={24} aria-label={t("page.smaller")} disabled={zoom <= 0.5} onClick={() => setView({ zoom: zoom - 0.25 })}><ZoomOut size={14} /></ActionIcon>
        <ActionIcon className={classes["zoom"]} size={24} aria-label={t("page.larger")} disabled={zoom >= 2} onClick={() => setView({ zoom: zoom + 0.25 })}><ZoomIn size={14} /></ActionIcon>
        <ActionIcon size={24} aria-label={t("page.previous")} disabled={page <= 1} onClick={() => goTo(page - 1)}><ChevronLeft size={15} /></ActionIcon>
        <span aria-live="polite">{page} / {pages}</span>
        <ActionIcon size={24} aria-label={t("page.next")} disabled={page >= pages} onClick={() => goTo(page + 1)}><ChevronRight size={15} /></ActionIcon>
      </div>
    </>
  );
}

export function PageSurface({ step }: { step: string }) {
  const { t } = useTranslation("editor");
  const { origins, zoom } = useView();
  const document = useDocument();
  const [, go] = useAddress();
  const { run } = useActions();
  const { preview, loading, error, missing } = usePagePreview(step);
  const sources = useSources(step);
  const node = document.nodes.find((item) => item.id === step);
  const checked = useEditor((state) => state.checked);
  const [open, setOpen] = useState<{ box: Box; page: number; index: number; rect: DOMRect } | null>(null);
  const words = useOriginWords();
  const origin = (box: Box): Origin | null => (node && checked ? originOf(box, node.config, sources, checked) : null);
  const found = new Set((preview?.pages ?? []).flatMap((page) => page.boxes.map((box) => origin(box)?.family)));
  const families = FAMILIES.filter((family) => found.has(family)).join();
  const count = preview?.pages.length ?? 1;
  useEffect(() => setView({ pages: count, page: Math.min(view.page, count), families: families ? (families.split(",") as Family[]) : [] }), [count, families]);
  const chosen = open ? origin(open.box) : null;

  return (
    <div className={classes["desk"]} aria-busy={loading}>
      {missing.length > 0 && (
        <div className={[classes["note"], classes["noteWarn"]].join(" ")}>
          <TriangleAlert size={16} aria-hidden />
          <span style={{ flex: 1 }}>{t("page.missing", { steps: missing.map((id) => document.nodes.find((item) => item.id === id)?.name ?? id).join(", "), count: missing.length })}</span>
          <button type="button" className="link" onClick={() => run({ kind: "to", step })}>{t("page.runNow")}</button>
        </div>
      )}
      {error && <div className={[classes["note"], classes["noteErr"]].join(" ")} role="alert">{error}</div>}
      {!preview && !error && (
        <div className={[classes["paper"], classes["blank"]].join(" ")} aria-hidden>
          {[62, 38, 0, 90, 84, 88, 40, 0, 90, 76].map((width, index) => <div key={index} style={{ inlineSize: `${width}%` }} />)}
          {loading && <Loader size={16} />}
        </div>
      )}
      {preview?.pages.map((page, number) => (
        <Sheet
          key={number} id={`page-${number + 1}`} className={classes["paper"]} style={zoom === 1 ? undefined : { inlineSize: 594 * zoom }}
          page={page} label={t("page.number", { number: number + 1 })}
          places={page.boxes.map((box) => placeOf(box, origin(box), origins))}
          chosen={open?.page === number ? open.index : null}
          onChoose={(index, element) => {
            const box = page.boxes[index];
            if (box) setOpen({ box, page: number, index, rect: element.getBoundingClientRect() });
          }}
        />
      ))}
      {preview?.warnings.map((warning, index) => (
        <div key={index} className={[classes["note"], classes["noteWarn"]].join(" ")}><TriangleAlert size={15} aria-hidden />{typeof warning === "string" ? warning : warningText(warning)}</div>
      ))}
      <Floating rect={open?.rect ?? null} label={words.about} onClose={() => setOpen(null)}>
        {open && (
          <OriginCard family={chosen?.family ?? null} icon={chosen?.icon} step={chosen?.stepName} value={chosen?.title} length={chosen?.length} block={open.box.block}>
            {chosen && chosen.strange.length > 0 && <p className={classes["strange"]}><TriangleAlert size={13} aria-hidden />{t("page.strange", { numbers: chosen.strange.join(", "), count: chosen.strange.length })}</p>}
            <div className={classes["originDo"]}>
            {chosen?.family === "written" && chosen.step && (
              <>
                <button
                  type="button" className="link"
                  onClick={() => {
                    setOpen(null);
                    run({ kind: "only", step: chosen.step ?? "" });
                  }}
                >{t("page.again")}</button>
                <button
                  type="button" className="link"
                  onClick={() => {
                    setOpen(null);
                    go({ step: chosen.step ?? undefined, surface: "page", tab: "run" });
                  }}
                >{t("page.why")}</button>
              </>
            )}
            {chosen?.step && (
              <button
                type="button" className="link"
                onClick={() => {
                  setOpen(null);
                  go({ step: chosen.step ?? undefined, field: checked?.nodes[chosen.step ?? ""]?.trigger ? chosen.field ?? undefined : undefined, surface: "page", tab: "setup" });
                }}
              >{t("chip.goTo", { step: chosen.stepName ?? "" })}</button>
            )}
            </div>
          </OriginCard>
        )}
      </Floating>
    </div>
  );
}

function placeOf(box: Box, from: Origin | null, origins: boolean): Place {
  return {
    ...box,
    edge: origins && from?.family ? (from.strange.length ? "warn" : from.family) : null,
    label: from?.title ? `${box.block}, ${from.title}` : box.block,
    tag: from?.title ?? box.block,
  };
}
