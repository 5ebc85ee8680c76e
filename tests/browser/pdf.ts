// What stands in a PDF, as other people's programs read it.
import { execFileSync } from "node:child_process";

export function textOf(pdf: string): string {
  return execFileSync("pdftotext", [pdf, "-"]).toString("utf8");
}

/** Fails when the file is damaged or qpdf has a warning about it. */
export function checkFile(pdf: string): void {
  execFileSync("qpdf", ["--check", pdf]);
}

/** Whether a text stands on the page word for word; only where lines end is the page's own business. */
export function holds(page: string, text: string): boolean {
  const words = text.trim().split(/\s+/).map((word) =>
    // A line may also end behind a hyphen, a dash or a slash; pdftotext takes out a hyphen at the end of a line.
    word
      .replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll(/([–—/])(?=.)/g, String.raw`$1\s*`)
      .replaceAll(/-(?=.)/g, String.raw`(?:-\s*)?`),
  );
  return new RegExp(words.join(String.raw`\s+`), "u").test(page);
}
