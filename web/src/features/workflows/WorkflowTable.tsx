import { ActionIcon } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Ellipsis } from "lucide-react";
import { lazy, Suspense, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { WorkflowItem } from "~/api/types";
import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { save } from "~/lib/save-file";
import { MenuButton } from "~/ui/MenuButton";
import { StepIcons } from "~/ui/Origin";
import { Face } from "~/ui/Page";
import { errorLine } from "~/ui/Problem";
import { Dot, State } from "~/ui/State";
import table from "~/ui/Table.module.css";
import { say } from "~/ui/Toasts";
import { walkRows } from "~/ui/walk-rows";
import { DayBars } from "./DayBars";

const DeleteDialog = lazy(() => import("./DeleteDialog"));
const menuItems = () => import("./MenuItems");
const MenuItems = lazy(menuItems);

export function WorkflowTable({ items, setGone }: { items: WorkflowItem[]; setGone: (id: string, on: boolean) => void }) {
  const { t } = useTranslation();
  return (
    <div className={table.wrap}>
      <table className={table.table} data-lines="2" onKeyDown={walkRows}>
        <thead>
          <tr>
            <th scope="col">{t("workflows.column.name")}</th>
            <th scope="col" className={table.wide}>{t("workflows.column.steps")}</th>
            <th scope="col">{t("workflows.column.state")}</th>
            <th scope="col">{t("workflows.column.last_run")}</th>
            <th scope="col" className={table.wide}>{t("workflows.column.days")}</th>
            <th scope="col" className={table.wide}>{t("workflows.column.changed")}</th>
            <th scope="col">
              <span className="visually-hidden">{t("common.actions")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <Row key={item.id} item={item} setGone={setGone} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ item, setGone }: { item: WorkflowItem; setGone: (id: string, on: boolean) => void }) {
  const format = useFormat();
  return (
    <tr>
      <td>
        <span className={table.two}>
          <Link to="/workflows/$id" params={{ id: item.id }} className={table.row}>
            {item.name}
          </Link>
          <span>{`/f/${item.slug}`}</span>
        </span>
      </td>
      <td className={table.wide}>
        <StepIcons steps={item.steps} />
      </td>
      <td>
        <WorkflowState item={item} />
      </td>
      <td>
        <LastRun item={item} />
      </td>
      <td className={table.wide}>
        <DayBars days={item.days} runs={item.runs} />
      </td>
      <td className={`${table.wide} ${table.quiet}`} title={format.exact(item.changed_at)}>
        {format.ago(item.changed_at)}
      </td>
      <td className={table.end}>
        <span className={table.above} style={{ display: "inline-flex", gap: 6, alignItems: "center" }}>
          {item.changed_by !== null && <Face name={item.changed_by} />}
          <RowMenu item={item} setGone={setGone} />
        </span>
      </td>
    </tr>
  );
}

function WorkflowState({ item }: { item: WorkflowItem }) {
  const { t } = useTranslation();
  const state = item.paused_at !== null ? "paused" : item.state === "live" && item.changed ? "changed" : item.state;
  const tone = ({ live: "ok", changed: "warn", paused: "warn", draft: "off", off: "off" } as const)[state];
  return (
    <span className={table.two}>
      <span style={{ display: "inline-flex", alignItems: "center", gap: 7 }}>
        <Dot tone={tone} />
        {t(`workflows.state.${state}`)}
      </span>
      <span style={{ paddingInlineStart: 14 }}>
        {item.version === null ? t("workflows.never_published") : t("workflows.version", { number: item.version })}
      </span>
    </span>
  );
}

function LastRun({ item }: { item: WorkflowItem }) {
  const { t } = useTranslation();
  const format = useFormat();
  const run = item.last_run;
  if (run === null) return <State state="skipped">{t("workflows.not_run")}</State>;
  const text =
    run.state === "succeeded"
      ? format.ago(run.created_at)
      : t(`workflows.last.${run.state}`);
  return (
    <Link to="/runs/$id" params={{ id: run.id }} className={table.above} title={format.exact(run.created_at)}>
      <State state={run.state}>{text}</State>
    </Link>
  );
}

function RowMenu({ item, setGone }: { item: WorkflowItem; setGone: (id: string, on: boolean) => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const path = { path: { id: item.id } };
  const fresh = () => client.invalidateQueries({ queryKey: keys.workflows });
  const failed = (error: unknown) => void errorLine(error).then((line) => say(line));
  const duplicate = useMutation({
    mutationFn: () => ask(api.POST("/api/workflows/{id}/duplicate", { params: path })),
    onSuccess: async (copy) => {
      await fresh();
      await navigate({ to: "/workflows/$id", params: { id: copy.id } });
    },
    onError: failed,
  });
  const turn = useMutation({
    mutationFn: (body: { state: "live" | "off" } | { paused: boolean }) => ask(api.PATCH("/api/workflows/{id}", { params: path, body })),
    onSuccess: fresh,
    onError: failed,
  });
  const take = useMutation({
    mutationFn: () => ask(api.GET("/api/workflows/{id}/export", { params: path })),
    onSuccess: (document) => save(`${item.slug}.json`, JSON.stringify(document, null, 2), "application/json"),
    onError: failed,
  });
  const restore = useMutation({
    mutationFn: () => ask(api.POST("/api/workflows/{id}/restore", { params: path })),
    onSuccess: async () => {
      setGone(item.id, false);
      await fresh();
    },
    onError: failed,
  });
  const remove = useMutation({
    mutationFn: () => ask(api.DELETE("/api/workflows/{id}", { params: path })),
    onSuccess: async () => {
      setAsking(false);
      await fresh();
      say(t("workflows.deleted", { name: item.name }), { run: () => restore.mutate() });
    },
    onError: (error) => {
      setGone(item.id, false);
      failed(error);
    },
  });
  const askOrDelete = () => {
    if (item.runs > 0) setAsking(true);
    else {
      setGone(item.id, true);
      remove.mutate();
    }
  };
  return (
    <>
      <MenuButton
        button={button}
        load={menuItems}
        items={<MenuItems item={item} duplicate={() => duplicate.mutate()} take={() => take.mutate()} turn={(body) => turn.mutate(body)} remove={askOrDelete} />}
      >
        {(props) => (
          <ActionIcon {...props} aria-label={t("workflows.menu.label", { name: item.name })}>
            <Ellipsis size={16} />
          </ActionIcon>
        )}
      </MenuButton>
      <Suspense>
        {asking && <DeleteDialog item={item} close={() => setAsking(false)} remove={() => remove.mutate()} busy={remove.isPending} error={remove.error} button={button} />}
      </Suspense>
    </>
  );
}
