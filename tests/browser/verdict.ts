// The story's last line: which examples went well from gallery to webhook, and what failed.
import type { Reporter, TestCase, TestResult } from "@playwright/test/reporter";

const examples = ["invoice", "itinerary"];

export default class Verdict implements Reporter {
  private readonly passed: string[] = [];
  private readonly failed: string[] = [];

  onTestEnd(test: TestCase, result: TestResult): void {
    if (test.parent.project()?.name !== "story") return;
    (result.status === "passed" ? this.passed : this.failed).push(test.title.toLowerCase());
  }

  onEnd(): void {
    if (this.passed.length + this.failed.length === 0) return;
    const parts = examples.map((example) => {
      const others = examples.filter((other) => other !== example);
      // What names no example concerns them all.
      const why = this.failed.find((title) => !others.some((other) => title.includes(other)));
      if (why !== undefined) return `${example} FAILED (${why})`;
      return `${example} ${this.passed.some((title) => title.includes(`an ${example}`)) ? "ok" : "not told"}`;
    });
    process.stdout.write(`story: ${parts.join(", ")}\n`);
  }
}
