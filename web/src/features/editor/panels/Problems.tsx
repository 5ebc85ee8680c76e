// Everything that is wrong with the draft, always in sight: step, one sentence, a fix that acts at once where there is one.

import { ChevronDown, ChevronRight, CircleCheck, CircleX, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { setConfig } from "~/lib/document/edits";
import { getAt, parsePointer } from "~/lib/document/pointer";
import type { Problem } from "~/lib/document/types";
import { pieces, writeChip } from "~/lib/expression/template";
import { problemText } from "~/ui/server-words/words";
import { useAddress } from "../address";
import { useDocument, useEditor, useStore } from "../state/store";
import classes from "./panels.module.css";

/** The question or value a problem points at, for the address. */
export function fieldOf(problem: Problem, config: unknown): string | undefined {
  const path = parsePointer(problem.pointer);
  const at = path[0] === "nodes" ? path.slice(3) : path[0] === "config" ? path.slice(1) : path;
  const item = getAt(config as never, at.slice(0, 2));
  return typeof item === "object" && item !== null && "name" in item && /^\d+$/.test(at[1] ?? "") ? String((item as { name: unknown }).name) : undefined;
}

export function useGoToProblem(): (problem: Problem) => void {
  const store = useStore();
  const [, go] = useAddress();
  return (problem) => {
    if (!problem.node) return;
    const node = store.node(problem.node);
    go({ step: problem.node, tab: "setup", field: node ? fieldOf(problem, node.config) : undefined });
    const path = parsePointer(problem.pointer);
    focusPlace(problem.node, path[0] === "nodes" ? path.slice(3) : path[0] === "config" ? path.slice(1) : path);
  };
}

const LONGEST_WAIT_MS = 2000;

/** Moves to a field of the inspector as soon as it is drawn: some wait for the server. The nearest place around it is second best. */
function focusPlace(step: string, at: readonly string[]): void {
  const since = performance.now();
  const look = () => {
    const panel = document.querySelector(`[data-region=inspector][data-step="${CSS.escape(step)}"]`);
    for (let depth = at.length; panel && depth > 0; depth -= 1) {
      const place = panel.querySelector<HTMLElement>(`[data-path="${CSS.escape(at.slice(0, depth).join("/"))}"]`);
      if (!place) continue;
      if (depth < at.length && performance.now() - since < LONGEST_WAIT_MS) break;
      place.scrollIntoView({ block: "center" });
      (place.querySelector<HTMLElement>("input, textarea, [contenteditable=true]") ?? place.querySelector<HTMLElement>("button"))?.focus({ preventScroll: true });
      return;
    }
    if (performance.now() - since < LONGEST_WAIT_MS) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/** Errors first, each as it stands in the document. */
export function inTurn(problems: readonly Problem[]): Problem[] {
  return [...problems.filter((problem) => problem.severity === "error"), ...problems.filter((problem) => problem.severity !== "error")];
}

export function ProblemList() {
  const { t } = useTranslation("editor");
  const problems = useEditor((state) => state.checked?.problems);
  const document = useDocument();
  const goTo = useGoToProblem();
  const [open, setOpen] = useState(true);
  if (!problems) return null;
  if (problems.length === 0) return <div className={classes["fine"]}><CircleCheck size={15} aria-hidden />{t("problems.none")}</div>;
  const errors = problems.filter((problem) => problem.severity === "error");
  const sorted = inTurn(problems);
  return (
    <section className={classes["problems"]} aria-label={t("problems.title")}>
      <button type="button" className={classes["problemsHead"]} aria-expanded={open} onClick={() => setOpen(!open)}>
        {t("problems.title")}<span className={[classes["count"], errors.length ? classes["countErr"] : ""].join(" ")}>{problems.length}</span>
        <span style={{ marginInlineStart: "auto", display: "inline-flex" }}>{open ? <ChevronDown size={15} aria-hidden /> : <ChevronRight size={15} aria-hidden />}</span>
      </button>
      {open && sorted.map((problem, index) => (
        <div key={`${problem.pointer}${problem.code}${index}`} className={[classes["problem"], problem.severity === "error" ? classes["problemErr"] : ""].join(" ")}>
          {problem.severity === "error" ? <CircleX size={15} aria-label={t("problems.error")} /> : <TriangleAlert size={15} aria-label={t("problems.warning")} />}
          <div style={{ minInlineSize: 0 }}>
            {problem.node && <b>{document.nodes.find((node) => node.id === problem.node)?.name ?? problem.node}</b>}
            {problemText(problem)}
            <div style={{ marginBlockStart: 4 }}>
              {problem.node && <button type="button" className={classes["fix"]} onClick={() => goTo(problem)}>{t("problems.show")}</button>}
              <Fix problem={problem} />
            </div>
          </div>
        </div>
      ))}
    </section>
  );
}

/** References to a value that may be empty can be guarded with one click. */
function Fix({ problem }: { problem: Problem }) {
  const { t } = useTranslation("editor");
  const store = useStore();
  if (!problem.node || !/default|optional|may_be_empty|empty/.test(problem.code)) return null;
  const path = parsePointer(problem.pointer);
  const inside = path[0] === "nodes" ? path.slice(3) : path[0] === "config" ? path.slice(1) : path;
  const text = getAt(store.node(problem.node)?.config, inside);
  if (typeof text !== "string") return null;
  const params = typeof problem.params === "object" && problem.params !== null && !Array.isArray(problem.params) ? problem.params : {};
  const wanted = String(params["path"] ?? params["reference"] ?? params["value"] ?? "");
  const open = pieces(text).filter((piece) => piece.type === "chip" && piece.chip.fallback === null && (wanted === "" || piece.chip.path.join(".") === wanted));
  if (open.length === 0) return null;
  const guard = (fallback: string) =>
    store.edit(t("problems.leaveOut"), (document) =>
      setConfig(document, problem.node ?? "", inside, pieces(text).map((piece) => (piece.type === "chip" && open.includes(piece) ? writeChip({ ...piece.chip, fallback }) : piece.text)).join("")));
  return (
    <>
      <button type="button" className={classes["fix"]} onClick={() => guard("")}>{t("problems.leaveOut")}</button>
      <button type="button" className={classes["fix"]} onClick={() => guard("–")}>{t("problems.writeDash")}</button>
    </>
  );
}
