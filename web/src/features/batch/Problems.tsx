// What is wrong with the columns and the rows of a file, in the words of the form's validator.

import { useTranslation } from "react-i18next";

import type { SaidProblem } from "~/api/types";
import { errorPart, problemText, useServerWords } from "~/ui/server-words/words";
import classes from "./batch.module.css";

/** Problems shown at once; the others are counted. */
const MOST_SHOWN = 200;

export function ColumnProblems({ problems }: { problems: SaidProblem[] }) {
  if (!useServerWords(problems.length > 0) || problems.length === 0) return null;
  return (
    <div role="alert">
      <ul className={classes.bad}>
        {problems.map((problem, at) => <li key={at}>{problemText(problem)}</li>)}
      </ul>
    </div>
  );
}

export function RowProblems({ problems, count, rows }: { problems: SaidProblem[]; count: number; rows: number }) {
  const { t } = useTranslation("batch");
  if (!useServerWords(problems.length > 0) || problems.length === 0) return null;
  const title = t("problems.title", { count, rows });
  return (
    <>
      <p className={classes.bad} role="status">{title}</p>
      <div className={classes.scroll} tabIndex={0} role="region" aria-label={title}>
        <table className={classes.list}>
          <thead>
            <tr>
              <th scope="col">{t("problems.row")}</th>
              <th scope="col">{t("problems.column")}</th>
              <th scope="col">{t("problems.content")}</th>
              <th scope="col">{t("problems.problem")}</th>
            </tr>
          </thead>
          <tbody>
            {problems.slice(0, MOST_SHOWN).map((problem, at) => {
              const params = problem.params as { row?: number; column?: string; content?: string };
              return (
                <tr key={at}>
                  <td className="num">{params.row}</td>
                  <td>{params.column}</td>
                  <td>{params.content}</td>
                  <td>{problemText(problem)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
        {count > MOST_SHOWN && <p className={classes.small}>{t("problems.more", { count: count - Math.min(problems.length, MOST_SHOWN) })}</p>}
      </div>
    </>
  );
}

/** Why a row was left out, or cannot be tried again. */
export function ProblemWords({ problems }: { problems: SaidProblem[] }) {
  if (!useServerWords(problems.length > 0)) return null;
  return <span className={classes.small}>{problems.map(reason).join(" ")}</span>;
}

/** What refuses a retry is an answer of the API elsewhere, with a reason and a way out. */
function reason(problem: SaidProblem): string {
  const parts = (["why", "fix"] as const).map((part) => errorPart(problem.code, part));
  return parts.filter((part) => part !== undefined).join(" ") || problemText(problem);
}
