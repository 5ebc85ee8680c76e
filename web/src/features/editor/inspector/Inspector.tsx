// The settings of the selected step, beside what it makes. Never modal.

import { ActionIcon, Button, Menu, Tabs } from "@mantine/core";
import { Copy, Ellipsis, Play, Trash2, X } from "lucide-react";
import { useTranslation } from "react-i18next";

import { fieldsOf } from "~/lib/document/form";
import { inOrder } from "~/lib/document/lanes";
import type { JsonObject, Schema } from "~/lib/document/types";
import { useFormat } from "~/lib/format";
import { useAddress } from "../address";
import type { Tab } from "../address";
import { useCommands } from "../commands";
import { StepIcon } from "../icons";
import { useActions } from "../state/actions";
import { useDocument, useEditor, useStore } from "../state/store";
import { memberWith } from "../surfaces/formMembers";
import { DataTab } from "./DataTab";
import { ErrorsTab } from "./ErrorsTab";
import { RunTab } from "./RunTab";
import { SetupTab } from "./SetupTab";
import classes from "./inspector.module.css";

function questionAt(config: JsonObject, schema: Schema, field: string) {
  const member = memberWith(schema, "form_fields");
  const fields = fieldsOf(member ? config[member] : undefined);
  const index = fields.findIndex((item) => item.name === field.split(".")[0]);
  const found = fields[index];
  return found ? { label: found.label || found.name, number: index + 1, count: fields.length } : null;
}

/** Less than this says nothing. */
const SHORTEST_MS = 50;

const DOT: Record<string, string> = { succeeded: "--ok", failed: "--err", running: "--accent-text", waiting: "--warn", skipped: "--text3" };

export function Inspector({ step, onClose }: { step: string; onClose: () => void }) {
  const { t } = useTranslation("editor");
  const store = useStore();
  const document = useDocument();
  const format = useFormat();
  const [address, go] = useAddress();
  const commands = useCommands();
  const actions = useActions();
  const node = document.nodes.find((item) => item.id === step);
  const known = useEditor((state) => state.checked?.nodes[step]);
  const result = useEditor((state) => state.results[step]);
  const busy = useEditor((state) => Boolean(state.trial && !state.trial.quiet && (!state.trial.run || !["succeeded", "failed", "cancelled"].includes(state.trial.run.state)) && !state.trial.error));
  if (!node) return null;
  const type = store.types.get(node.type);
  const number = inOrder(document).indexOf(step) + 1;
  const { started_at: from, finished_at: until, state } = result?.step ?? {};
  const took = from && until ? new Date(until).valueOf() - new Date(from).valueOf() : null;
  const question = address.field && type ? questionAt(node.config, type.schema, address.field) : null;
  const dot = state ? DOT[state] : undefined;
  return (
    <aside className={classes["panel"]} aria-label={t("inspector.label", { name: node.name })} data-region="inspector" data-step={step} tabIndex={-1}>
      <div className={classes["head"]}>
        <StepIcon family={type?.family ?? known?.family ?? null} icon={type?.icon ?? known?.icon} size={34} />
        {question ? (
          <div className={classes["titles"]}>
            <div className={classes["name"]} style={{ overflow: "hidden", whiteSpace: "nowrap" }}>{question.label}</div>
            <div className={classes["sub"]}><button type="button" onClick={() => go({ field: undefined }, true)}>{node.name}</button> · {t("form.fieldOf", { number: question.number, count: question.count })}</div>
          </div>
        ) : (
        <div className={classes["titles"]}>
          <input className={classes["name"]} aria-label={t("inspector.name")} value={node.name} onChange={(event) => commands.rename(step, event.currentTarget.value)} />
          <div className={classes["sub"]}>{t("inspector.step", { number, kind: type?.title ?? known?.title ?? node.type })}</div>
        </div>
        )}
        <Menu>
          <Menu.Target><ActionIcon aria-label={t("list.more")}><Ellipsis size={16} /></ActionIcon></Menu.Target>
          <Menu.Dropdown>
            <Menu.Item leftSection={<Copy size={14} />} onClick={() => commands.duplicate(step)}>{t("list.duplicate")}</Menu.Item>
            <Menu.Item leftSection={<Copy size={14} />} onClick={() => void navigator.clipboard.writeText(JSON.stringify(node, null, 2))}>{t("list.copy")}</Menu.Item>
            <Menu.Divider />
            <Menu.Item leftSection={<Trash2 size={14} />} className="danger" onClick={() => commands.remove(step)}>{t("list.remove")}</Menu.Item>
          </Menu.Dropdown>
        </Menu>
        <ActionIcon className="editor-narrow" aria-label={t("inspector.close")} onClick={onClose}><X size={16} /></ActionIcon>
      </div>
      <Tabs className={classes["tabs"]} value={address.tab} onChange={(tab) => go({ tab: (tab ?? "setup") as Tab }, true)}>
        <Tabs.List className={classes["list"]} aria-label={t("inspector.tabs")}>
          <Tabs.Tab value="setup">{t("tab.setup")}</Tabs.Tab>
          <Tabs.Tab value="data">{t("tab.data")}</Tabs.Tab>
          <Tabs.Tab value="errors">{t("tab.errors")}</Tabs.Tab>
          <Tabs.Tab value="run">{t("tab.run")}{dot && <span className={classes["dot"]} style={{ background: `var(${dot})` }} role="img" aria-label={t(`state.${state}`)} />}</Tabs.Tab>
        </Tabs.List>
        <div className={classes["body"]}>
          <Tabs.Panel value="setup"><SetupTab key={step} step={step} /></Tabs.Panel>
          <Tabs.Panel value="data"><DataTab step={step} /></Tabs.Panel>
          <Tabs.Panel value="errors"><ErrorsTab step={step} /></Tabs.Panel>
          <Tabs.Panel value="run"><RunTab step={step} /></Tabs.Panel>
        </div>
      </Tabs>
      <div className={classes["foot"]}>
        <Button variant="default" leftSection={<Play size={14} />} disabled={busy} onClick={() => actions.run({ kind: "only", step })}>{t("run.step")}</Button>
        <Button variant="default" disabled={busy} onClick={() => actions.run({ kind: "to", step })}>{t("run.toHere")}</Button>
        {took !== null && took >= SHORTEST_MS && <span className={classes["took"]}>{t("run.lastTime", { time: format.duration(took) })}</span>}
      </div>
    </aside>
  );
}
