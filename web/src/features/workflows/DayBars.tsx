import { useTranslation } from "react-i18next";
import type { Day } from "~/api/types";
import { useFormat } from "~/lib/format";
import classes from "./DayBars.module.css";

const HEIGHT = 20;

/** Runs of the last fourteen days; a day with failures is red. */
export function DayBars({ days, runs }: { days: Day[]; runs: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const most = Math.max(1, ...days.map((day) => day.succeeded + day.failed));
  const failed = days.reduce((sum, day) => sum + day.failed, 0);
  return (
    <span className={classes.days}>
      <svg width={days.length * 7} height={HEIGHT} role="img" aria-label={t("workflows.days", { runs, failed })}>
        {days.map((day, at) => {
          const count = day.succeeded + day.failed;
          const height = count === 0 ? 1 : Math.max(2, Math.round((count / most) * HEIGHT));
          return (
            <rect
              key={day.date}
              x={at * 7}
              y={HEIGHT - height}
              width={5}
              height={height}
              rx={count === 0 ? 0 : 1}
              data-state={count === 0 ? "none" : day.failed > 0 ? "failed" : "fine"}
            >
              <title>{t("workflows.day", { date: format.date(`${day.date}T12:00:00`), runs: count, failed: day.failed })}</title>
            </rect>
          );
        })}
      </svg>
      <span className="num">{runs > 0 ? format.number(runs) : ""}</span>
    </span>
  );
}
