import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useSession } from "~/lib/session";
import { Card } from "~/ui/Page";
import { State } from "~/ui/State";
import { QueuePause } from "./QueuePause";
import classes from "./Settings.module.css";

export function About() {
  const { t } = useTranslation("settings");
  const { server } = useSession();
  const health = useQuery({
    queryKey: ["healthz"],
    queryFn: async () => (await fetch("/healthz")).ok,
    retry: false,
    refetchInterval: 30_000,
  });
  return (
    <Card flush>
      <ul className={classes.rows}>
        <li>
          <span className={classes.what}>
            <strong>{t("about.version")}</strong>
          </span>
          <span translate="no">{server.version}</span>
        </li>
        <li>
          <span className={classes.what}>
            <strong>{t("about.address")}</strong>
            <span>{t("about.address_hint")}</span>
          </span>
          <span translate="no">{server.public_url}</span>
        </li>
        <li>
          <span className={classes.what}>
            <strong>{t("about.health")}</strong>
          </span>
          <State state={health.data === true ? "succeeded" : health.isPending ? "running" : "failed"}>
            {health.data === true ? t("about.healthy") : health.isPending ? t("app:common.loading") : t("about.unhealthy")}
          </State>
        </li>
        <QueuePause />
        <li>
          <span className={classes.what}>
            <strong>{t("about.api")}</strong>
            <span>{t("about.api_hint")}</span>
          </span>
          <a className="link" href="/openapi.json" target="_blank" rel="noreferrer" translate="no">
            {"openapi.json"}
          </a>
        </li>
      </ul>
    </Card>
  );
}
