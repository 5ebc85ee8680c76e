// Everything that is wrong with the template, always in sight: what keeps it from being drawn, then what the pages warn of.

import { CircleCheck, CircleX, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";

import { isObject, getAt } from "~/lib/document/pointer";
import type { Path } from "~/lib/document/pointer";
import { blockAt, pathOf } from "~/lib/template/blocks";
import type { Template } from "~/lib/template/blocks";
import { placeOfProblem } from "~/lib/template/places";
import { problemText, warningText } from "~/ui/server-words/words";
import { useBlockCommands } from "../commands";
import { openEntry } from "../inspector/opened";
import { useTemplate, useTemplateState } from "../state";
import { placeName } from "../words";
import panels from "~/features/editor/panels/panels.module.css";

export interface Trouble {
  level: "error" | "warning";
  text: string;
  /** Id of the block; `undefined` stands for the page. */
  block: string | undefined;
  title: string | null;
  /** The member that it is about, in the block or the page. */
  place: Path | null;
}

export function useTroubles(): Trouble[] {
  const { t } = useTranslation("template");
  const template = useTemplate();
  const problems = useTemplateState((state) => state.problems);
  const warnings = useTemplateState((state) => state.preview?.warnings);
  const errors = problems.map((problem): Trouble => {
    const { block, member } = placeOfProblem(template, problem.pointer);
    return {
      level: "error", text: problemText(problem), block: block ? blockAt(template, block)?.id : undefined,
      title: placeName(template, block ?? [], t), place: [...(block ?? []), ...member],
    };
  });
  // While the template cannot be drawn, the warnings are those of older pages.
  const told = errors.length > 0 ? [] : (warnings ?? []);
  return [...errors, ...told.map((warning): Trouble => {
    // What goes with the pages is no block but a member of the template.
    const isBlock = pathOf(template, warning.location) !== null;
    const block = isBlock ? warning.location : undefined;
    const place = !isBlock && template[warning.location] !== undefined ? [warning.location] : null;
    return { level: "warning", text: warningText(place ? { ...warning, location: "" } : warning), block, title: null, place };
  })];
}

const LONGEST_WAIT_MS = 2000;

/** Opens the entries around a place and moves to its field as soon as that is drawn; the nearest place around it is second best. */
function show(template: Template, place: Path): void {
  for (let length = 1; length < place.length; length += 1) {
    const entry = place[length];
    if (typeof entry === "number" && isObject(getAt(template, place.slice(0, length + 1)))) openEntry(place.slice(0, length), entry);
  }
  const since = performance.now();
  const look = () => {
    const panel = document.querySelector("[data-region=inspector]");
    for (let depth = place.length; panel && depth > 0; depth -= 1) {
      const field = panel.querySelector<HTMLElement>(`[data-path="${CSS.escape(place.slice(0, depth).join("/"))}"]`);
      if (!field) continue;
      if (depth < place.length && performance.now() - since < LONGEST_WAIT_MS) break;
      field.scrollIntoView({ block: "center" });
      (field.querySelector<HTMLElement>("input, textarea, [contenteditable=true]") ?? field.querySelector<HTMLElement>("button"))?.focus({ preventScroll: true });
      return;
    }
    if (performance.now() - since < LONGEST_WAIT_MS) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

export function useGoToTrouble(): (trouble: Trouble) => void {
  const template = useTemplate();
  const commands = useBlockCommands();
  return (trouble) => {
    commands.select(trouble.block);
    if (trouble.place) show(template, trouble.place);
  };
}

export function ProblemPanel() {
  const { t } = useTranslation("template");
  const troubles = useTroubles();
  const goTo = useGoToTrouble();
  if (troubles.length === 0) return <div className={panels["fine"]}><CircleCheck size={15} aria-hidden />{t("problems.none")}</div>;
  return (
    <section className={panels["problems"]} aria-label={t("problems.title")}>
      <div className={panels["problemsHead"]}>{t("problems.title")}<span className={[panels["count"], troubles[0]?.level === "error" ? panels["countErr"] : ""].join(" ")}>{troubles.length}</span></div>
      {troubles.map((trouble, index) => (
        <div key={index} className={[panels["problem"], trouble.level === "error" ? panels["problemErr"] : ""].join(" ")}>
          {trouble.level === "error" ? <CircleX size={15} aria-label={t("problems.error")} /> : <TriangleAlert size={15} aria-label={t("problems.warning")} />}
          <div style={{ minInlineSize: 0 }}>
            {trouble.title && <b>{trouble.title}</b>}
            {trouble.text}
            <div style={{ marginBlockStart: 4 }}><button type="button" className={panels["fix"]} onClick={() => goTo(trouble)}>{t("problems.show")}</button></div>
          </div>
        </div>
      ))}
    </section>
  );
}
