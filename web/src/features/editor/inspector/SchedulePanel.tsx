// When the runs of a schedule begin: its rule in words, the next times as the settings stand now, and the last run.

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { keys } from "~/lib/queries";
import { getWorkflow } from "../api";
import { scheduleWords } from "../list/scheduleWords";
import { useDocument, useEditor, useStore } from "../state/store";
import classes from "./inspector.module.css";

export function SchedulePanel({ step }: { step: string }) {
  const { t, i18n } = useTranslation("editor");
  const store = useStore();
  const zone = useDocument().time_zone;
  const checked = useEditor((state) => state.checked?.nodes[step]);
  const workflow = useQuery({ queryKey: keys.workflow(store.id), queryFn: () => getWorkflow(store.id) });
  const live = workflow.data?.schedules?.find((one) => one.node === step);
  const time = (instant: string) => timeIn(zone, i18n.language, instant);
  const schedule = checked?.schedule;
  const next = checked?.next ?? [];
  const state = workflow.data?.state;
  return (
    <section className={classes["section"]} aria-label={t("schedule.title")}>
      <h3>{t("schedule.title")}</h3>
      {schedule ? (
        <>
          <p className={classes["words"]}>{scheduleWords(schedule, t, i18n.language)}</p>
          <p className={classes["words"]}>{next.length > 0 ? t("schedule.next", { list: next.map(time).join(" · ") }) : t("schedule.never")}</p>
          <p className={classes["words"]}>{t("schedule.zone", { zone })}</p>
        </>
      ) : (
        <p className={classes["words"]}>{t("schedule.unready")}</p>
      )}
      {state === "draft" && <p className={classes["words"]}>{t("schedule.unpublished")}</p>}
      {state === "off" && <p className={classes["words"]}>{t("schedule.off")}</p>}
      {live?.last_at && live.last_run && (
        <p className={classes["words"]}>
          {t("schedule.last", { when: time(live.last_at) })} <Link to="/runs/$id" params={{ id: live.last_run }} className="link">{t("schedule.look")}</Link>
        </p>
      )}
    </section>
  );
}

/** In the workflow's zone, which need not be the person's; one that nobody knows is told as a problem elsewhere. */
function timeIn(zone: string, language: string, instant: string): string {
  const options: Intl.DateTimeFormatOptions = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  try {
    return new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { ...options, timeZone: zone }).format(new Date(instant));
  } catch {
    return instant;
  }
}
