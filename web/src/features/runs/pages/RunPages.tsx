// The pages of a document that a run made. Pointing at a word, by mouse or by keyboard, tells where it comes from; choosing it keeps that open.

import { Popover } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, ask } from "~/api/client";
import type { Artifact, RunDetail, RunPage } from "~/api/types";
import { addMessages } from "~/i18n/i18n";
import { Sheet } from "~/ui/origins/Sheet";
import { loadOriginWords, useOriginWords } from "~/ui/origins/words";
import classes from "./pages.module.css";
import { PlaceCard } from "./PlaceCard";
import { tell } from "./origin";

await Promise.all([
  addMessages("run-pages", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") }),
  loadOriginWords(),
]);

/** A moment in which the pointer may go from a word to what is told of it. */
const LEAVE_MS = 200;

interface Props {
  run: RunDetail;
  file: Artifact;
  select: (step: string) => void;
  /** What is shown where no pages are kept. */
  children: ReactNode;
}

interface Open {
  number: number;
  index: number;
  element: HTMLElement;
  rect: DOMRect;
  /** Chosen: it stays, and has the focus. */
  pinned: boolean;
}

/** Pages do not change, unless private values are hidden. */
function usePage(run: RunDetail, file: Artifact, number: number, enabled: boolean) {
  return useQuery({
    queryKey: ["run-page", run.id, file.id, number, run.masked_at],
    queryFn: () => ask(api.GET("/api/runs/{id}/files/{file}/pages/{number}", { params: { path: { id: run.id, file: file.id, number } } })),
    staleTime: Infinity,
    enabled,
  });
}

export default function RunPages({ run, file, select, children }: Props) {
  const { t } = useTranslation("run-pages");
  const words = useOriginWords();
  const first = usePage(run, file, 1, true);
  const [open, setOpen] = useState<Open | null>(null);
  const [page, setPage] = useState<RunPage | null>(null);
  const leaving = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(leaving.current), []);
  const isOpen = open !== null;
  useEffect(() => {
    if (!isOpen) return undefined;
    const follow = () => setOpen((now) => now && { ...now, rect: now.element.getBoundingClientRect() });
    window.addEventListener("scroll", follow, true);
    return () => window.removeEventListener("scroll", follow, true);
  }, [isOpen]);

  if (first.isError) return children;
  if (first.data === undefined) return <div className={classes.pages}><div className={classes.sheet} role="status" aria-label={t("loading")} /></div>;

  const stay = () => clearTimeout(leaving.current);
  const leave = () => {
    stay();
    leaving.current = setTimeout(() => setOpen((now) => (now?.pinned ? now : null)), LEAVE_MS);
  };
  const show = (found: RunPage, number: number, index: number, element: HTMLElement, pinned: boolean) => {
    stay();
    if (open?.pinned && !pinned) return;
    setPage(found);
    setOpen({ number, index, element, rect: element.getBoundingClientRect(), pinned });
  };
  const close = () => {
    stay();
    setOpen(null);
  };
  const place = open === null ? undefined : page?.places[open.index];
  const origin = place === undefined ? undefined : page?.origins[place.origin];
  const { mapped_count: mapped, page_count: count } = first.data;
  return (
    <div className={classes.pages}>
      {Array.from({ length: mapped }, (_, at) => (
        <LazyPage
          key={at} run={run} file={file} number={at + 1} size={first.data}
          chosen={open?.pinned && open.number === at + 1 ? open.index : null}
          onChoose={(found, index, element) => show(found, at + 1, index, element, true)}
          onPoint={(found, index, element) => (index === null || element === null ? leave() : show(found, at + 1, index, element, false))}
        />
      ))}
      {count > mapped && <p className={classes.note}>{t("beyond", { count: count - mapped })}</p>}
      <Popover opened={open !== null && origin !== undefined} onDismiss={close} position="bottom-start" trapFocus={open?.pinned ?? false} closeOnEscape={false} withRoles={false} offset={6}>
        <Popover.Target>
          <span
            className={classes.anchor} aria-hidden
            style={open ? { left: open.rect.left, top: open.rect.top, width: Math.max(1, open.rect.width), height: open.rect.height } : { display: "none" }}
          />
        </Popover.Target>
        <Popover.Dropdown
          p={0} role={open?.pinned ? "dialog" : "tooltip"} aria-label={words.about}
          onMouseEnter={stay} onMouseLeave={leave}
          onKeyDown={(event) => {
            if (event.key !== "Escape") return;
            event.stopPropagation();
            close();
            // Back to the words.
            open?.element.parentElement?.focus();
          }}
        >
          {origin !== undefined && page !== null && (
            <PlaceCard
              origin={origin} page={page}
              select={(step) => {
                close();
                select(step);
                document.querySelector<HTMLElement>(`[data-step="${step}"]`)?.focus();
              }}
            />
          )}
        </Popover.Dropdown>
      </Popover>
    </div>
  );
}

interface PageProps {
  run: RunDetail;
  file: Artifact;
  number: number;
  size: { width_mm: number; height_mm: number };
  chosen: number | null;
  onChoose: (page: RunPage, index: number, element: HTMLElement) => void;
  onPoint: (page: RunPage, index: number | null, element: HTMLElement | null) => void;
}

/** A page that is fetched when it comes near. */
function LazyPage({ run, file, number, size, chosen, onChoose, onPoint }: PageProps) {
  const { t } = useTranslation("run-pages");
  const words = useOriginWords();
  const blank = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(number === 1);
  useEffect(() => {
    const element = blank.current;
    if (near || element === null) return undefined;
    const watcher = new IntersectionObserver((seen) => setNear((now) => now || seen.some((one) => one.isIntersecting)), { rootMargin: "600px" });
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [near]);
  const page = usePage(run, file, number, near);
  const label = t("page", { number });
  const found = page.data;
  if (page.isError) return <p className={classes.note}>{t("failed")}</p>;
  if (found === undefined) return <div ref={blank} className={classes.sheet} role="status" aria-label={t("loading")} style={{ aspectRatio: `${size.width_mm} / ${size.height_mm}` }} />;
  const told = found.origins.map(tell);
  const labels = told.map(({ family, detail, title, main }) => [detail === null ? words.family(family) : t(`detail.${detail}`, { by: main?.by ?? "" }), title].filter(Boolean).join(", "));
  return (
    <Sheet
      className={classes.sheet} page={found} label={label} chosen={chosen}
      places={found.places.map((place) => ({ ...place, edge: told[place.origin]?.family ?? null, label: labels[place.origin] ?? "" }))}
      onChoose={(index, element) => onChoose(found, index, element)}
      onPoint={(index, element) => onPoint(found, index, element)}
    />
  );
}
