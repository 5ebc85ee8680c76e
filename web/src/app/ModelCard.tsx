import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Model } from "~/api/types";
import { useFormat } from "~/lib/format";
import { fetched, writingModel } from "~/lib/models";
import { keys } from "~/lib/queries";
import { Progress } from "~/ui/Page";
import { StepErrorWords } from "~/ui/Problem";
import { Dot } from "~/ui/State";
import classes from "./ModelCard.module.css";

const tones: Record<string, "ok" | "accent" | "off" | "warn" | "err"> = { ready: "ok", loading: "accent", downloading: "accent", asleep: "off", missing: "warn", failed: "err" };

/** Answers "why is it slow" from anywhere: the model that writes by default, its state and its speed. */
export function ModelCard() {
  const { t } = useTranslation();
  const models = useQuery({ queryKey: keys.models, queryFn: () => ask(api.GET("/api/models")) });
  const list = models.data;
  if (list === undefined) return null;
  const model = writingModel(list);
  return (
    <Link to="/models" className={classes.card}>
      {model === undefined ? (
        <>
          <span className={classes.name}>
            <Dot tone="off" />
            {t("model.none")}
          </span>
          <span className={classes.meta}>{t("model.none_hint")}</span>
        </>
      ) : (
        <Known model={model} />
      )}
    </Link>
  );
}

function Known({ model }: { model: Model }) {
  const { t } = useTranslation();
  const format = useFormat();
  const busy = model.state === "downloading" || model.state === "loading";
  return (
    <>
      <span className={classes.name}>
        <Dot tone={tones[model.state] ?? "off"} />
        <span>{t(`model.card.${model.state}`, { name: model.title })}</span>
      </span>
      {model.state === "downloading" && (
        <Progress
          value={fetched(model)}
          label={t("model.fetched", { done: format.bytes(model.done_bytes ?? 0), size: format.bytes(model.size_bytes ?? 0) })}
        />
      )}
      <span className={classes.meta}>
        {model.state === "ready" &&
          [
            model.tokens_per_second === null ? null : t("model.speed", { speed: format.number(model.tokens_per_second, 0) }),
            t("model.stays"),
          ]
            .filter(Boolean)
            .join(" · ")}
        {busy &&
          (model.seconds_left === null
            ? t("model.getting_ready")
            : t("model.about_left", { time: format.duration(Math.ceil(model.seconds_left) * 1000) }))}
        {model.state === "asleep" && t("model.asleep_hint")}
        {(model.state === "failed" || model.state === "missing") && (
          <>
            {model.error === null ? t(`model.why.${model.state}`) : <StepErrorWords error={model.error} />}{" "}
            <span className={classes.fix}>{t("model.fix")}</span>
          </>
        )}
      </span>
    </>
  );
}
