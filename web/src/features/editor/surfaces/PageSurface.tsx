// The page as the real engine lays it out with this sample's values; words are clickable and tell where they come from.

import { ActionIcon, Loader, Switch } from "@mantine/core";
import { ChevronLeft, ChevronRight, TriangleAlert, ZoomIn, ZoomOut } from "lucide-react";
import { useEffect, useId, useMemo, useState, useSyncExternalStore, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";

import type { Family } from "~/lib/document/types";
import { warningText } from "~/ui/server-words/words";
import { useAddress } from "../address";
import type { Box, PreviewPage } from "../api";
import { Floating } from "../chips/Floating";
import { useSources } from "../chips/sources";
import { FAMILIES, StepIcon } from "../icons";
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
  const [open, setOpen] = useState<{ box: Box; page: number; rect: DOMRect } | null>(null);
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
      {preview?.pages.map((page, index) => (
        <Paper
          key={index} page={page} number={index + 1} zoom={zoom} origins={origins} origin={origin}
          chosen={open?.page === index ? open.box : null}
          onBox={(box, rect) => setOpen({ box, page: index, rect })}
        />
      ))}
      {preview?.warnings.map((warning, index) => (
        <div key={index} className={[classes["note"], classes["noteWarn"]].join(" ")}><TriangleAlert size={15} aria-hidden />{typeof warning === "string" ? warning : warningText(warning)}</div>
      ))}
      <Floating rect={open?.rect ?? null} label={t("page.origin")} onClose={() => setOpen(null)}>
        {open && (
          <div className={classes["originCard"]}>
            <div className={classes["valueHead"]} style={{ margin: 0 }}>
              {chosen?.family && <StepIcon family={chosen.family} icon={chosen.icon} size={22} />}
              <b style={{ fontWeight: 600 }}>{chosen?.family ? t(`origin.${chosen.family}`) : t("page.fixed")}</b>
            </div>
            <dl>
              {chosen?.stepName && <><dt>{t("page.step")}</dt><dd>{chosen.stepName}</dd></>}
              {chosen?.title && <><dt>{t("page.field")}</dt><dd>{chosen.title}</dd></>}
              {chosen?.length && <><dt>{t("page.length")}</dt><dd>{t("page.lengthOf", chosen.length)}</dd></>}
              <dt>{t("page.block")}</dt><dd>{open.box.block}</dd>
            </dl>
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
          </div>
        )}
      </Floating>
    </div>
  );
}

interface PaperProps {
  page: PreviewPage;
  number: number;
  zoom: number;
  origins: boolean;
  origin: (box: Box) => Origin | null;
  chosen: Box | null;
  onBox: (box: Box, rect: DOMRect) => void;
}

function Paper({ page, number, zoom, origins, origin, chosen, onBox }: PaperProps) {
  const { t } = useTranslation("editor");
  const url = useSvgUrl(page.svg);
  const percent = (value: number, whole: number) => `${(value / whole) * 100}%`;
  const id = useId();
  const [active, setActive] = useState(0);
  const choose = (index: number) => {
    const box = page.boxes[index];
    const rect = globalThis.document.getElementById(`${id}-${index}`)?.getBoundingClientRect();
    setActive(index);
    if (box && rect) onBox(box, rect);
  };
  const onKey = (event: KeyboardEvent) => {
    const last = page.boxes.length - 1;
    const goes: Record<string, number> = { ArrowDown: active + 1, ArrowRight: active + 1, ArrowUp: active - 1, ArrowLeft: active - 1, Home: 0, End: last };
    const next = goes[event.key];
    if (next !== undefined) {
      const reached = Math.max(0, Math.min(last, next));
      setActive(reached);
      globalThis.document.getElementById(`${id}-${reached}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" || event.key === " ") choose(active);
    else return;
    event.preventDefault();
  };
  return (
    <section id={`page-${number}`} className={classes["paper"]} aria-label={t("page.number", { number })} style={{ aspectRatio: `${page.width_mm} / ${page.height_mm}`, ...(zoom === 1 ? {} : { inlineSize: 594 * zoom }) }}>
      {url && <img src={url} alt="" />}
      {/* One stop for the keyboard: words have the size of the print, too small and too many to be controls of their own. */}
      <div
        role="listbox" tabIndex={0} className={classes["boxes"]} aria-label={t("page.number", { number })}
        aria-activedescendant={page.boxes[active] ? `${id}-${active}` : undefined} onKeyDown={onKey}
      >
        {page.boxes.map((box, index) => {
          const from = origin(box);
          return (
            <div
              role="option" key={index} id={`${id}-${index}`} aria-selected={chosen === box}
              className={[classes["box"], origins && from?.family ? classes["origin"] : "", chosen === box ? classes["boxChosen"] : "", active === index ? classes["boxActive"] : ""].join(" ")}
              aria-label={from?.title ? `${box.block}, ${from.title}` : box.block}
              style={{
                insetInlineStart: percent(box.x_mm, page.width_mm), insetBlockStart: percent(box.y_mm, page.height_mm),
                inlineSize: percent(box.width_mm, page.width_mm), blockSize: percent(box.height_mm, page.height_mm),
                ...(from?.family ? ({ "--edge": `var(--${from.strange.length ? "warn" : from.family})` } as React.CSSProperties) : {}),
              }}
              onClick={() => choose(index)}
            >
              {chosen === box && <span className={classes["boxTag"]}>{from?.title ?? box.block}</span>}
            </div>
          );
        })}
      </div>
    </section>
  );
}

/** An image, so that nothing inside the drawing can run or load anything. */
export function useSvgUrl(svg: string): string | null {
  return useMemo(() => (svg === "" ? null : `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`), [svg]);
}
