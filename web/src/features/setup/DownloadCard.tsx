import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { live } from "~/lib/events";
import { useFormat } from "~/lib/format";
import { useLiveQueries } from "~/lib/live-queries";
import { fetched, writingModel } from "~/lib/models";
import { keys } from "~/lib/queries";
import { OriginIcon } from "~/ui/Origin";
import { Progress } from "~/ui/Page";
import { StepErrorWords } from "~/ui/Problem";
import { Tag } from "~/ui/State";
import classes from "./Setup.module.css";

/** The writing model on its way; useful work is possible before it is here. */
export function DownloadCard() {
  const { t } = useTranslation("setup");
  const format = useFormat();
  useEffect(() => {
    live.start();
    return () => live.stop();
  }, []);
  useLiveQueries(["models"]);
  const models = useQuery({ queryKey: keys.models, queryFn: () => ask(api.GET("/api/models")) });
  const model = writingModel(models.data);
  if (model === undefined) return null;
  const share = fetched(model);
  const said = t("app:model.fetched", { done: format.bytes(model.done_bytes ?? 0), size: format.bytes(model.size_bytes ?? 0) });
  return (
    <section className={classes.download} aria-label={model.title}>
      <div className={classes.downloadHead}>
        <OriginIcon family="written" icon="pen-line" />
        <strong>{model.title}</strong>
        {model.state === "downloading" && share !== null && <span className="num">{format.percent(share)}</span>}
        {model.state === "ready" && <Tag tone="ok">{t("app:state.ready_model")}</Tag>}
      </div>
      {model.state === "downloading" && (
        <>
          <Progress value={share} label={said} />
          <div className={classes.downloadMeta}>
            <span className="num">{said}</span>
            <span>{model.seconds_left !== null && t("app:model.about", { time: format.duration(Math.ceil(model.seconds_left) * 1000) })}</span>
          </div>
        </>
      )}
      <p className={classes.small}>
        {model.state !== "failed" ? (
          t(`model.${model.state}`)
        ) : model.error === null ? (
          t("app:model.why.failed")
        ) : (
          <StepErrorWords error={model.error} />
        )}
      </p>
    </section>
  );
}
