import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { useLiveQueries } from "~/lib/live-queries";
import { keys } from "~/lib/queries";
import { mine } from "./approvals";
import classes from "./Runs.module.css";

const LIVE = ["approvals"];

/** Runs · Waiting for you · Deliveries: three addresses that read as one screen. */
export function RunTabs({ here }: { here: "runs" | "waiting" | "deliveries" }) {
  const { t } = useTranslation();
  const running = useQuery({
    queryKey: [...keys.runs, "running"],
    queryFn: () => ask(api.GET("/api/runs", { params: { query: { state: "running" } } })),
  });
  const count = running.data?.items.length ?? 0;
  const waiting = useQuery(mine).data?.items.length ?? 0;
  useLiveQueries(LIVE);
  return (
    <nav className={classes.tabs} aria-label={t("nav.runs")}>
      <Link to="/runs" className={classes.tab} aria-current={here === "runs" ? "page" : undefined}>
        {t("runs.tabs.runs")}
        {count > 0 && <span className={classes.count}>{count}</span>}
      </Link>
      <Link to="/runs/waiting" className={classes.tab} aria-current={here === "waiting" ? "page" : undefined}>
        {t("runs.tabs.waiting")}
        {waiting > 0 && <span className={classes.count}>{waiting}</span>}
      </Link>
      <Link to="/deliveries" className={classes.tab} aria-current={here === "deliveries" ? "page" : undefined}>
        {t("runs.tabs.deliveries")}
      </Link>
    </nav>
  );
}
