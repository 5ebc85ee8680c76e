import { ActionIcon, Button, Checkbox, Menu, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Ellipsis, FlaskConical, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Endpoint, NewEndpoint } from "~/api/types";
import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { Card, Loading } from "~/ui/Page";
import { ErrorPanel, InlineError, StepErrorWords, useFieldErrors } from "~/ui/Problem";
import { Dot, SignIcon } from "~/ui/State";
import { sayUndo } from "~/ui/Toasts";
import classes from "./Settings.module.css";
import { ShownOnce } from "./ShownOnce";

export function Endpoints() {
  const { t } = useTranslation("settings");
  const [secret, setSecret] = useState<string | null>(null);
  const [gone, setGone] = useState<string[]>([]);
  const endpoints = useQuery({ queryKey: keys.endpoints, queryFn: () => ask(api.GET("/api/endpoints")) });
  const list = (endpoints.data?.items ?? []).filter((one) => !gone.includes(one.id));
  return (
    <>
      <EndpointForm made={setSecret} />
      {secret !== null && <ShownOnce text={t("endpoints.secret_once")} value={secret} close={() => setSecret(null)} />}
      {endpoints.isError && <ErrorPanel error={endpoints.error} retry={() => void endpoints.refetch()} />}
      {endpoints.isPending && <Loading lines={2} />}
      {endpoints.data !== undefined && (
        <Card flush>
          {list.length === 0 ? (
            <p className={classes.none}>{t("endpoints.none")}</p>
          ) : (
            <ul className={classes.rows}>
              {list.map((endpoint) => (
                <Row
                  key={endpoint.id}
                  endpoint={endpoint}
                  rotated={setSecret}
                  setGone={(on) => setGone((before) => (on ? [...before, endpoint.id] : before.filter((id) => id !== endpoint.id)))}
                />
              ))}
            </ul>
          )}
        </Card>
      )}
    </>
  );
}

const blank: { name: string; url: string; attach: Endpoint["attach"] } = { name: "", url: "", attach: "link" };

function EndpointForm({ made }: { made: (secret: string) => void }) {
  const { t } = useTranslation("settings");
  const client = useQueryClient();
  const [value, setValue] = useState(blank);
  const add = useMutation({
    mutationFn: () => ask(api.POST("/api/endpoints", { body: value })),
    onSuccess: async (created: NewEndpoint) => {
      made(created.secret);
      setValue(blank);
      await client.invalidateQueries({ queryKey: keys.endpoints });
    },
  });
  const errors = useFieldErrors(add.error);
  return (
    <Card title={t("endpoints.add")}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate();
        }}
      >
        <div className={classes.pair}>
          <TextInput label={t("name")} required withAsterisk={false} value={value.name} error={errors.name} onChange={(event) => setValue({ ...value, name: event.currentTarget.value })} />
          <TextInput label={t("endpoints.url")} type="url" required withAsterisk={false} value={value.url} error={errors.url} onChange={(event) => setValue({ ...value, url: event.currentTarget.value })} />
        </div>
        <Checkbox
          label={t("endpoints.attach")}
          description={t("endpoints.attach_hint")}
          checked={value.attach === "inline"}
          onChange={(event) => setValue({ ...value, attach: event.currentTarget.checked ? "inline" : "link" })}
        />
        {add.isError && <InlineError error={add.error} />}
        <div>
          <Button type="submit" loading={add.isPending} leftSection={<Plus size={15} />}>
            {t("endpoints.add_button")}
          </Button>
        </div>
      </form>
    </Card>
  );
}

function Row({ endpoint, rotated, setGone }: { endpoint: Endpoint; rotated: (secret: string) => void; setGone: (on: boolean) => void }) {
  const { t } = useTranslation("settings");
  const format = useFormat();
  const client = useQueryClient();
  const path = { path: { id: endpoint.id } };
  const off = endpoint.disabled_at != null;
  const fresh = () => client.invalidateQueries({ queryKey: keys.endpoints });
  const test = useMutation({ mutationFn: () => ask(api.POST("/api/endpoints/{id}/test", { params: path })) });
  const rotate = useMutation({ mutationFn: () => ask(api.POST("/api/endpoints/{id}/secret", { params: path })), onSuccess: (fresh) => rotated(fresh.secret) });
  const change = useMutation({
    mutationFn: (body: { attach?: Endpoint["attach"]; disabled?: boolean }) => ask(api.PATCH("/api/endpoints/{id}", { params: path, body })),
    onSuccess: fresh,
  });
  const remove = useMutation({
    mutationFn: () => ask(api.DELETE("/api/endpoints/{id}", { params: path })),
    onSuccess: fresh,
    onError: () => setGone(false),
  });
  const error = test.error ?? rotate.error ?? change.error ?? remove.error;
  const outcome = test.data;
  const fine = outcome?.delivered === true;
  return (
    <li style={{ flexWrap: "wrap" }}>
      <Dot tone={off ? "off" : "ok"} />
      <span className={classes.what}>
        <strong>{endpoint.name}</strong>
        <span>
          {[endpoint.url, endpoint.attach === "inline" ? t("endpoints.attached") : t("endpoints.linked"), off ? t(`endpoints.off.${endpoint.disabled_reason === "gone" ? "gone" : "person"}`) : null]
            .filter((part) => part !== null)
            .join(" · ")}
        </span>
      </span>
      <Button size="xs" variant="default" leftSection={<FlaskConical size={14} strokeWidth={1.75} />} loading={test.isPending} onClick={() => test.mutate()}>
        {t("endpoints.test")}
      </Button>
      <Menu>
        <Menu.Target>
          <ActionIcon aria-label={t("menu", { name: endpoint.name })}>
            <Ellipsis size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => rotate.mutate()}>{t("endpoints.rotate")}</Menu.Item>
          <Menu.Item onClick={() => change.mutate({ attach: endpoint.attach === "inline" ? "link" : "inline" })}>
            {endpoint.attach === "inline" ? t("endpoints.send_link") : t("endpoints.send_file")}
          </Menu.Item>
          <Menu.Item onClick={() => change.mutate({ disabled: !off })}>{off ? t("endpoints.turn_on") : t("endpoints.turn_off")}</Menu.Item>
          <Menu.Divider />
          <Menu.Item
            className="danger"
            onClick={() => {
              setGone(true);
              sayUndo(t("deleted", { name: endpoint.name }), () => remove.mutate(), () => setGone(false));
            }}
          >
            {t("delete")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {outcome !== undefined && (
        <p className={classes.small} role="status" style={{ flexBasis: "100%", display: "flex", gap: 6, alignItems: "center" }}>
          <SignIcon sign={fine ? "done" : "failed"} size={14} />
          {outcome.status != null ? (
            t(fine ? "endpoints.test_fine" : "endpoints.test_refused", { code: outcome.status })
          ) : outcome.error !== null ? (
            <StepErrorWords error={outcome.error} />
          ) : (
            t("app:common.no_answer")
          )}
          {outcome.took_ms !== null && ` · ${format.duration(outcome.took_ms)}`}
        </p>
      )}
      {error !== null && (
        <div style={{ flexBasis: "100%" }}>
          <InlineError error={error} />
        </div>
      )}
    </li>
  );
}
