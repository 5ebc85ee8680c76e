// Two people changed the same step: theirs and mine side by side, and a choice for each. Nothing is overwritten silently.

import { Button, Modal, SegmentedControl } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { fieldChanges, merge } from "~/lib/document/compare";
import type { Json, Workflow } from "~/lib/document/types";
import { useActions } from "../state/actions";
import { useDocument, useEditor } from "../state/store";
import classes from "./panels.module.css";

function shown(value: Json | undefined): string {
  if (value === undefined || value === null) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function ConflictPanel({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation("editor");
  const conflict = useEditor((state) => state.conflict);
  const base = useEditor((state) => state.base.document);
  const mine = useDocument();
  const actions = useActions();
  const [choice, setChoice] = useState<Record<string, "theirs" | "mine">>({});
  if (!conflict) return null;
  const { theirs } = conflict;
  const steps = conflict.places.filter((id) => theirs.nodes.some((node) => node.id === id) || mine.nodes.some((node) => node.id === id));
  const rest = conflict.places.length > steps.length;

  const keep = () => {
    // Everything that does not meet merges by itself; the chosen side settles the rest.
    const merged = merge(base, theirs, mine).document;
    const pick = (id: string): Workflow => ((choice[id] ?? "theirs") === "mine" ? mine : theirs);
    const ids = [...new Set([...merged.nodes.map((node) => node.id), ...steps])];
    const nodes = ids.flatMap((id) => (steps.includes(id) ? pick(id).nodes.find((node) => node.id === id) : merged.nodes.find((node) => node.id === id)) ?? []);
    const alive = new Set(nodes.map((node) => node.id));
    const outer = (choice[""] ?? "theirs") === "mine" ? mine : theirs;
    const settings = rest ? { name: outer.name, locale: outer.locale, time_zone: outer.time_zone, currency: outer.currency, samples: outer.samples, on_failure: outer.on_failure ?? null, concurrency: outer.concurrency ?? null, document_warnings: outer.document_warnings ?? "warn" } : {};
    actions.settle({ ...merged, ...settings, nodes, edges: merged.edges.filter((edge) => alive.has(edge.from) && alive.has(edge.to)) }, t("conflict.label"));
    onClose();
  };
  const row = (id: string, title: string) => {
    const before = theirs.nodes.find((node) => node.id === id);
    const after = mine.nodes.find((node) => node.id === id);
    const changes = id === "" ? [] : fieldChanges(before as unknown as Json, after as unknown as Json).slice(0, 6);
    return (
      <div className={classes["conflictStep"]} key={id}>
        <div style={{ display: "flex", gap: 12, alignItems: "center", justifyContent: "space-between" }}>
          <b style={{ fontWeight: 500 }}>{title}</b>
          <SegmentedControl aria-label={title} value={choice[id] ?? "theirs"} onChange={(side) => setChoice({ ...choice, [id]: side as "theirs" | "mine" })} data={[{ value: "theirs", label: t("conflict.theirs") }, { value: "mine", label: t("conflict.mine") }]} />
        </div>
        {changes.map((change) => (
          <div className={classes["diff"]} key={change.path.join("/")}>
            <div><span className={classes["meta"]}>{change.path.at(-1)}</span><br />{shown(change.before)}</div>
            <div><span className={classes["meta"]}>{change.path.at(-1)}</span><br />{shown(change.after)}</div>
          </div>
        ))}
      </div>
    );
  };
  return (
    <Modal opened={opened} onClose={onClose} title={t("conflict.title")} size={680} closeButtonProps={{ "aria-label": t("close") }}>
      <p style={{ marginBlockEnd: 12 }}>{t("conflict.help")}</p>
      {steps.map((id) => row(id, mine.nodes.find((node) => node.id === id)?.name ?? theirs.nodes.find((node) => node.id === id)?.name ?? id))}
      {rest && row("", t("conflict.rest"))}
      <div className={classes["foot"]}><Button variant="default" onClick={onClose}>{t("conflict.later")}</Button><Button onClick={keep}>{t("conflict.keep")}</Button></div>
    </Modal>
  );
}
