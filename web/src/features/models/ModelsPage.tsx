import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { CloudOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Model } from "~/api/types";
import { useFormat } from "~/lib/format";
import { fetched, writingModel } from "~/lib/models";
import { keys } from "~/lib/queries";
import { useSession } from "~/lib/session";
import { OriginIcon } from "~/ui/Origin";
import { Card, Empty, Loading, Page, Progress } from "~/ui/Page";
import { ErrorPanel, InlineError, StepErrorWords } from "~/ui/Problem";
import { type Sign, SignIcon, Tag, type Tone } from "~/ui/State";
import table from "~/ui/Table.module.css";
import classes from "./Models.module.css";

/** The models that write here: state, memory, measured speed, and a download as it goes on. */
export function ModelsPage() {
  const { t } = useTranslation();
  const format = useFormat();
  const models = useQuery({ queryKey: keys.models, queryFn: () => ask(api.GET("/api/models")), refetchInterval: (query) => (query.state.data?.items.some((model) => model.state === "downloading" || model.state === "loading") ? 3000 : false) });
  const list = models.data?.items ?? [];
  const memory = list.reduce((sum, model) => sum + (model.memory_bytes ?? 0), 0);
  return (
    <Page title={t("nav.models")} sub={t("models.sub")} help="models">
      {models.isError && <ErrorPanel error={models.error} retry={() => void models.refetch()} />}
      {models.isPending && <Loading lines={3} height={60} />}
      {models.data !== undefined && list.length === 0 && <Empty>{t("models.none")}</Empty>}
      {list.length > 0 && (
        <>
          <div className={table.wrap}>
            <table className={table.table} data-lines="2">
              <thead>
                <tr>
                  <th scope="col">{t("models.column.model")}</th>
                  <th scope="col">{t("models.column.state")}</th>
                  <th scope="col" className={table.wide}>{t("models.column.memory")}</th>
                  <th scope="col" className={table.wide}>{t("models.column.speed")}</th>
                </tr>
              </thead>
              <tbody>
                {list.map((model) => (
                  <Row key={model.name} model={model} isDefault={model.name === writingModel(models.data)?.name} />
                ))}
              </tbody>
            </table>
          </div>
          <div className={classes.cards}>
            <Card title={t("models.private")}>
              <p className={classes.note}>
                <CloudOff size={16} strokeWidth={1.75} aria-hidden />
                {t("models.private_text")}
              </p>
            </Card>
            {memory > 0 && (
              <Card title={t("models.memory")}>
                <p className={classes.figure}>{format.bytes(memory)}</p>
                <p className={classes.small}>{t("models.memory_text", { count: list.filter((model) => (model.memory_bytes ?? 0) > 0).length })}</p>
              </Card>
            )}
          </div>
        </>
      )}
    </Page>
  );
}

const tones: Record<string, Tone> = { ready: "ok", loading: "accent", downloading: "accent", asleep: "neutral", missing: "warn", failed: "err" };
const signs: Record<string, Sign> = { ready: "done", loading: "running", downloading: "running", asleep: "person", missing: "waiting", failed: "failed" };

function Row({ model, isDefault }: { model: Model; isDefault: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const client = useQueryClient();
  const owner = useSession().member.role === "owner";
  const choose = useMutation({
    mutationFn: () => ask(api.PATCH("/api/models", { body: { default: model.name } })),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.models }),
  });
  const name = (
    <span className={classes.model}>
      <OriginIcon family="written" icon="sparkles" size={34} />
      <span className={table.two}>
        <strong>{model.title}</strong>
        <span>{model.name}</span>
      </span>
    </span>
  );
  if (model.state === "downloading") {
    const said = t("model.fetched", { done: format.bytes(model.done_bytes ?? 0), size: format.bytes(model.size_bytes ?? 0) });
    const facts = [
      said,
      model.bytes_per_second === null ? null : t("models.rate", { rate: format.bytes(model.bytes_per_second) }),
      model.seconds_left === null ? null : t("model.about", { time: format.duration(Math.ceil(model.seconds_left) * 1000) }),
    ].filter((fact) => fact !== null);
    return (
      <tr>
        <td>{name}</td>
        <td colSpan={3}>
          <div className={classes.download}>
            <span className="num">{facts.join(" · ")}</span>
            <Progress value={fetched(model)} label={said} />
            <span className={classes.small}>{t("models.goes_on")}</span>
          </div>
        </td>
      </tr>
    );
  }
  return (
    <tr>
      <td>{name}</td>
      <td>
        <span className={classes.state}>
          <Tag tone={tones[model.state] ?? "neutral"} icon={<SignIcon sign={signs[model.state] ?? "waiting"} size={13} />}>
            {t(`models.state.${model.state}`)}
          </Tag>
          {isDefault ? (
            <span className={classes.small}>{t("models.default")}</span>
          ) : (
            model.state === "ready" && (
              <Button size="xs" variant="default" disabled={!owner} title={owner ? undefined : t("settings.only_owners")} loading={choose.isPending} onClick={() => choose.mutate()}>
                {t("models.make_default")}
              </Button>
            )
          )}
        </span>
        {choose.isError && <InlineError error={choose.error} />}
        {(model.state === "failed" || model.state === "missing") && <p className={classes.why}>{model.error === null ? t(`model.why.${model.state}`) : <StepErrorWords error={model.error} />}</p>}
      </td>
      <td className={`${table.wide} num`}>{!model.memory_bytes ? <Dash /> : format.bytes(model.memory_bytes)}</td>
      <td className={`${table.wide} num`}>
        {model.tokens_per_second === null ? <Dash /> : t("model.speed", { speed: format.number(model.tokens_per_second, 1) })}
      </td>
    </tr>
  );
}

function Dash() {
  const { t } = useTranslation();
  return <span title={t("models.not_measured")}>{t("common.dash")}</span>;
}
