// The story's last line: which examples went well from gallery to webhook, and what failed.
import type { Reporter, TestCase, TestResult } from "@playwright/test/reporter";

const examples = ["invoice", "itinerary"];

export default class Verdict implements Reporter {
  private readonly failed: string[] = [];
  private told = 0;

  onTestEnd(test: TestCase, result: TestResult): void {
    if (test.parent.project()?.name !== "story") return;
    this.told += 1;
    if (result.status !== "passed") this.failed.push(test.title);
  }

  onEnd(): void {
    if (this.told === 0) return;
    const parts = examples.map((example) => {
      const others = examples.filter((other) => other !== example);
      // What names no example concerns them all.
      const why = this.failed.find((title) => !others.some((other) => title.toLowerCase().includes(other)));
      return `${example} ${why === undefined ? "ok" : `FAILED (${why})`}`;
    });
    process.stdout.write(`story: ${parts.join(", ")}\n`);
  }
}
