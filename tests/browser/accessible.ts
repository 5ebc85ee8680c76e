// axe-core on a page as it stands: no violation of WCAG 2.2 A and AA. The program's content security policy stays in force; the
// checker comes in through the browser's own debugging channel, not as a script of the page.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, type Page } from "@playwright/test";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  id: string;
  help: string;
  nodes: { html: string; failureSummary: string; target: string[] }[];
}

export async function expectAccessible(page: Page, what: string): Promise<void> {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const checker = (globalThis as unknown as { axe: { run: (context: unknown, options: unknown) => Promise<{ violations: Violation[] }> } }).axe;
    const result = await checker.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
      resultTypes: ["violations"],
      // An experiment of the checker: it takes a chip's name and value, set side by side, for one word.
      rules: { "label-content-name-mismatch": { enabled: false } },
    });
    return result.violations;
  });
  const told = violations.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.slice(0, 4).map((node) => `${node.html.slice(0, 240)}\n    ${node.failureSummary.replaceAll("\n", " ").slice(0, 260)}`).join("\n  ")}`);
  expect(told, what).toEqual([]);
}
