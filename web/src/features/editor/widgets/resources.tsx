// References to things of the workspace: models, documents, endpoints, credentials.

import { MultiSelect, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { items } from "~/api/client";
import { writingModel } from "~/lib/models";
import { keys } from "~/lib/queries";
import { getCallables, getCredentials, getDocuments, getEndpoints, getMembers, getModels, getSeries } from "../api";
import type { WidgetProps } from "./widget";
import classes from "./widgets.module.css";

interface Option {
  value: string;
  label: string;
  note?: string;
  tone?: "ok" | "busy" | "bad";
}

interface ChooserProps extends WidgetProps {
  options: Option[] | undefined;
  emptyLabel: string;
  link: { to: string; text: string };
}

export function Chooser({ label, help, error, required, value, onChange, options, emptyLabel, link }: ChooserProps) {
  const { t } = useTranslation("editor");
  const chosen = typeof value === "string" ? value : null;
  const known = options ?? [];
  const missing = chosen && options && !known.some((option) => option.value === chosen);
  const current = known.find((option) => option.value === chosen);
  const data = [...known.map(({ value: id, label: name }) => ({ value: id, label: name })), ...(missing ? [{ value: chosen, label: t("resource.gone") }] : [])];
  const tone = (option: Option | undefined) => [classes["dot"], option?.tone === "busy" ? classes["dotBusy"] : "", option?.tone === "bad" ? classes["dotBad"] : ""].join(" ");
  return (
    <div>
      <div className={classes["labelRow"]}>
        <span className={classes["label"]}>{label}{required ? <span aria-hidden> *</span> : null}</span>
        <Link to={link.to} className="link">{link.text}</Link>
      </div>
      <Select
        aria-label={label} data={data} value={chosen} placeholder={emptyLabel} clearable={!required} error={error} searchable={known.length > 8} allowDeselect={false}
        nothingFoundMessage={t("resource.none")}
        leftSection={current?.tone ? <span className={tone(current)} aria-hidden /> : undefined}
        renderOption={({ option }) => {
          const about = known.find((item) => item.value === option.value);
          return (
            <span className={classes["model"]}>
              {about?.tone && <span className={tone(about)} aria-hidden />}{option.label}
              {about?.note && <span className={classes["meta"]}>{about.note}</span>}
            </span>
          );
        }}
        onChange={(next) => onChange(next ?? undefined)}
      />
      {current?.note && <div className={classes["help"]} style={{ marginBlockStart: 4 }}>{current.note}</div>}
      {help && <div className={classes["help"]} style={{ marginBlockStart: 4 }}>{help}</div>}
    </div>
  );
}

export function ModelWidget(props: WidgetProps) {
  const { t } = useTranslation("editor");
  const models = useQuery({ queryKey: keys.models, queryFn: getModels });
  const standard = writingModel(models.data);
  const note = (model: { state: string; tokens_per_second: number | null }) =>
    model.state === "ready" && model.tokens_per_second ? t("model.readySpeed", { speed: Math.round(model.tokens_per_second) }) : t(`model.${model.state}`);
  return (
    <Chooser
      {...props}
      options={models.data?.items.map((model) => ({
        value: model.name, label: model.title, note: note(model), tone: model.state === "ready" ? "ok" : model.state === "failed" || model.state === "missing" ? "bad" : "busy",
      }))}
      emptyLabel={standard ? t("model.standard", { name: standard.title }) : t("model.standardNone")}
      link={{ to: "/models", text: t("model.open") }}
    />
  );
}

const named = (list: Array<{ id: string; name: string; url?: string; kind?: string }>) =>
  list.map((item) => ({ value: item.id, label: item.name, note: item.url ?? item.kind }));

export function DocumentWidget(props: WidgetProps) {
  const { t } = useTranslation("editor");
  const list = useQuery({ queryKey: keys.documents, queryFn: getDocuments });
  const id = typeof props.value === "string" ? props.value : "";
  return <Chooser {...props} options={list.data && items(list.data).map((item) => ({ value: item.id, label: item.name }))} emptyLabel={t("resource.chooseDocument")} link={{ to: id ? `/documents/${id}` : "/documents", text: t("resource.openDocument") }} />;
}

export function EndpointWidget(props: WidgetProps) {
  const { t } = useTranslation("editor");
  const list = useQuery({ queryKey: keys.endpoints, queryFn: getEndpoints });
  return <Chooser {...props} options={list.data && named(items(list.data))} emptyLabel={t("resource.chooseEndpoint")} link={{ to: "/settings/endpoints", text: t("resource.openEndpoints") }} />;
}

export function SeriesWidget(props: WidgetProps) {
  const { t } = useTranslation("editor");
  const list = useQuery({ queryKey: keys.series, queryFn: getSeries });
  const options = list.data && items(list.data).map((item) => ({ value: item.id, label: item.name, note: t("resource.nextNumber", { number: item.next }) }));
  return <Chooser {...props} options={options} emptyLabel={t("resource.chooseSeries")} link={{ to: "/settings/numbers", text: t("resource.openSeries") }} />;
}

export function WorkflowWidget(props: WidgetProps) {
  const { t } = useTranslation("editor");
  const list = useQuery({ queryKey: keys.callables, queryFn: getCallables });
  const id = typeof props.value === "string" ? props.value : "";
  const link = { to: id ? `/workflows/${id}` : "/", text: t(id ? "resource.openWorkflow" : "resource.openWorkflows") };
  return <Chooser {...props} options={list.data && items(list.data).map((item) => ({ value: item.id, label: item.name }))} emptyLabel={t("resource.chooseWorkflow")} link={link} />;
}

export function CredentialWidget(props: WidgetProps) {
  const { t } = useTranslation("editor");
  const list = useQuery({ queryKey: keys.credentials, queryFn: getCredentials });
  return <Chooser {...props} options={list.data && named(items(list.data))} emptyLabel={t("resource.chooseCredential")} link={{ to: "/settings/credentials", text: t("resource.openCredentials") }} />;
}

export function MembersWidget({ label, help, error, required, value, onChange }: WidgetProps) {
  const { t } = useTranslation("editor");
  const members = useQuery({ queryKey: keys.members, queryFn: getMembers });
  const chosen = Array.isArray(value) ? value.map(String) : [];
  const known = (members.data ? items(members.data) : []).map((member) => ({ value: member.id, label: member.name || member.email }));
  const gone = chosen.filter((id) => members.data && !known.some((member) => member.value === id));
  return (
    <div>
      <div className={classes["labelRow"]}>
        <span className={classes["label"]}>{label}{required ? <span aria-hidden> *</span> : null}</span>
        <Link to="/settings/$section" params={{ section: "people" }} className="link">{t("resource.openMembers")}</Link>
      </div>
      <MultiSelect
        aria-label={label} data={[...known, ...gone.map((id) => ({ value: id, label: t("resource.gone") }))]} value={chosen} searchable error={error}
        placeholder={chosen.length === 0 ? t("resource.chooseMembers") : undefined} nothingFoundMessage={t("resource.none")}
        onChange={(next) => onChange(next)}
      />
      {help && <div className={classes["help"]} style={{ marginBlockStart: 4 }}>{help}</div>}
    </div>
  );
}
