import { useMemo } from "react";
import type { PreviewPage } from "~/api/types";

/**
 * A drawn page as an image. The SVG comes from the server and is shown through an `img`, where nothing in it
 * can run or load anything.
 */
export function PageImage({ page, alt, className }: { page: PreviewPage; alt: string; className?: string }) {
  const url = useMemo(() => `data:image/svg+xml;charset=utf-8,${encodeURIComponent(page.svg)}`, [page.svg]);
  return <img src={url} alt={alt} className={className} style={{ aspectRatio: `${page.width_mm} / ${page.height_mm}` }} />;
}
