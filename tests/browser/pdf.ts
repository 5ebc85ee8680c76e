// What stands in a PDF, as other people's programs read it.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Picture } from "./picture.ts";

export function textOf(pdf: string): string {
  return execFileSync("pdftotext", [pdf, "-"]).toString("utf8");
}

export interface Word {
  /** Of its page, counted from 1. */
  page: number;
  text: string;
  /** Of its upper left corner, in points. */
  x: number;
  y: number;
}

/** Every word at its place. */
export function wordsOf(pdf: string): Word[] {
  const pages = execFileSync("pdftotext", ["-bbox", pdf, "-"]).toString("utf8").split("<page ").slice(1);
  return pages.flatMap((page, at) =>
    [...page.matchAll(/<word xMin="([\d.-]+)" yMin="([\d.-]+)"[^>]*>([^<]*)</g)].map(([, x, y, text = ""]) => ({ page: at + 1, text: unescaped(text), x: Number(x), y: Number(y) })),
  );
}

function unescaped(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&apos;", "'").replaceAll("&amp;", "&");
}

/** The pictures that a PDF holds, in the order of its pages. Those with transparent parts are none of them. */
export function picturesOf(pdf: string): Picture[] {
  const folder = mkdtempSync(join(tmpdir(), "formwork-pictures-"));
  try {
    execFileSync("pdfimages", [pdf, join(folder, "picture")]);
    return readdirSync(folder).toSorted().map((name) => pixmap(readFileSync(join(folder, name))));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A portable pixmap (`P6`) of eight bits a colour. */
function pixmap(file: Buffer): Picture {
  const [head = "", width, height] = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(file.subarray(0, 64).toString("latin1")) ?? [];
  return { width: Number(width), height: Number(height), rgb: [...file.subarray(head.length)] };
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
