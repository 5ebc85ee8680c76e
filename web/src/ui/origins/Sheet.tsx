import { useId, useMemo, useState, type CSSProperties, type KeyboardEvent } from "react";
import type { Family } from "~/api/types";
import classes from "./origins.module.css";

/** Something on a page that can be pointed at. */
export interface Place {
  x_mm: number;
  y_mm: number;
  width_mm: number;
  height_mm: number;
  /** Colour of the line below it; null: none. */
  edge: Family | "warn" | null;
  label: string;
  /** What stands above it while it is chosen. */
  tag?: string;
}

interface Props {
  page: { svg: string; width_mm: number; height_mm: number };
  label: string;
  places: readonly Place[];
  chosen: number | null;
  id?: string;
  className?: string;
  style?: CSSProperties;
  onChoose: (index: number, element: HTMLElement) => void;
  /** A place is pointed at, by mouse or by keyboard; null: none any more. */
  onPoint?: (index: number | null, element: HTMLElement | null) => void;
}

/** A page with its places. They are one stop for the keyboard: words have the size of the print, too small and too many to be controls of their own. */
export function Sheet({ page, label, places, chosen, id: elementId, className, style, onChoose, onPoint }: Props) {
  const url = useSvgUrl(page.svg);
  const percent = (value: number, whole: number) => `${(value / whole) * 100}%`;
  const id = useId();
  const [active, setActive] = useState(0);
  const element = (index: number) => globalThis.document.getElementById(`${id}-${index}`);
  const point = (index: number) => {
    const found = element(index);
    if (found) onPoint?.(index, found);
  };
  const choose = (index: number) => {
    const found = element(index);
    setActive(index);
    if (found) onChoose(index, found);
  };
  const onKey = (event: KeyboardEvent) => {
    const last = places.length - 1;
    const goes: Record<string, number> = { ArrowDown: active + 1, ArrowRight: active + 1, ArrowUp: active - 1, ArrowLeft: active - 1, Home: 0, End: last };
    const next = goes[event.key];
    if (next !== undefined) {
      const reached = Math.max(0, Math.min(last, next));
      setActive(reached);
      element(reached)?.scrollIntoView({ block: "nearest" });
      point(reached);
    } else if (event.key === "Enter" || event.key === " ") choose(active);
    else if (event.key === "Escape" && onPoint) onPoint(null, null);
    else return;
    event.preventDefault();
  };
  return (
    <section id={elementId} className={className} aria-label={label} style={{ aspectRatio: `${page.width_mm} / ${page.height_mm}`, ...style }}>
      {url && <img src={url} alt="" />}
      <div
        role="listbox" tabIndex={0} className={classes.places} aria-label={label}
        aria-activedescendant={places[active] ? `${id}-${active}` : undefined}
        onKeyDown={onKey} onBlur={() => onPoint?.(null, null)}
      >
        {places.map((place, index) => (
          <div
            role="option" key={index} id={`${id}-${index}`} aria-selected={chosen === index} aria-label={place.label}
            className={[classes.place, place.edge ? classes.edged : "", chosen === index ? classes.chosen : "", active === index ? classes.active : ""].join(" ")}
            style={{
              insetInlineStart: percent(place.x_mm, page.width_mm), insetBlockStart: percent(place.y_mm, page.height_mm),
              inlineSize: percent(place.width_mm, page.width_mm), blockSize: percent(place.height_mm, page.height_mm),
              ...(place.edge ? ({ "--edge": `var(--${place.edge})` } as CSSProperties) : {}),
            }}
            onClick={() => choose(index)}
            onMouseEnter={() => point(index)}
            onMouseLeave={() => onPoint?.(null, null)}
          >
            {chosen === index && place.tag !== undefined && <span className={classes.tag}>{place.tag}</span>}
          </div>
        ))}
      </div>
    </section>
  );
}

/** An image, so that nothing inside the drawing can run or load anything. */
export function useSvgUrl(svg: string): string | null {
  return useMemo(() => (svg === "" ? null : `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`), [svg]);
}
