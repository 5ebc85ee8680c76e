/* For what a step or run waits, in words. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Wait } from "~/api/types";
import { useFormat } from "~/lib/format";
import { writingModel } from "~/lib/models";
import { keys } from "~/lib/queries";

function useModels() {
  return useQuery({ queryKey: keys.models, queryFn: () => ask(api.GET("/api/models")) }).data;
}

/** What a model is called on screen. */
export function useModelTitle(): (name: string) => string {
  const models = useModels();
  return (name) => models?.items.find((one) => one.name === name)?.title ?? name;
}

/** For what something waits and how that is doing, such as "Waits for model Qwen 1.5B. It is being fetched." */
export function useWaitText(): (waits: Wait) => string {
  const { t } = useTranslation();
  const models = useModels();
  return (waits) => {
    if (waits.on !== "model") return t(`run.waits.${waits.on}`, { defaultValue: waits.text });
    const wanted = waits.model ?? writingModel(models)?.name;
    const model = models?.items.find((one) => one.name === wanted || one.title === wanted);
    const named = model?.title ?? wanted;
    if (named == null) return t("run.waits.no_model");
    const state = model === undefined || model.state === "ready" ? null : t(`run.waits.model_state.${model.state}`);
    return [t("run.waits.model", { name: named }), state].filter((part) => part !== null).join(" ");
  };
}

/** With the place in the queue and the time, as far as there are any. */
export function WaitText({ waits }: { waits: Wait }) {
  const { t } = useTranslation();
  const format = useFormat();
  const text = useWaitText();
  return [
    text(waits),
    waits.place == null ? null : t("run.waits.place", { place: waits.place }),
    waits.until == null ? null : t("run.waits.until", { time: format.when(waits.until) }),
  ]
    .filter((part) => part !== null)
    .join(" ");
}
