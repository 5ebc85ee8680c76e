// The form made from the step's schema, with every problem at its field, and where a form's answers go.

import { SegmentedControl, TextInput } from "@mantine/core";
import { ArrowUpRight, TriangleAlert } from "lucide-react";
import { lazy, Suspense, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { setConfig } from "~/lib/document/edits";
import { fallbacksOf, setFallbacks } from "~/lib/document/fallbacks";
import { ANSWERS, fieldsOf } from "~/lib/document/form";
import { getAt, isObject, parsePointer } from "~/lib/document/pointer";
import type { Path } from "~/lib/document/pointer";
import type { CheckedNode, Json } from "~/lib/document/types";
import { fieldTitle } from "~/lib/expression/kind";
import type { Kind } from "~/lib/expression/kind";
import { fillText } from "~/lib/expression/values";
import type { Source } from "~/lib/expression/values";
import { useAddress } from "../address";
import { useBuiltins } from "../chips/builtins";
import { useLook } from "../chips/look";
import { useOutputs, useSources, useSourcesInside } from "../chips/sources";
import { StepIcon } from "../icons";
import { useDocument, useEditor, useStore } from "../state/store";
import { memberWith } from "../surfaces/formMembers";
import { JsonWidget } from "../widgets/basic";
import { FieldSettings } from "../widgets/FormFields";
import { SchemaForm } from "../widgets/SchemaField";
import type { FormScope } from "../widgets/widget";
import { HookPanel } from "./HookPanel";
import { SchedulePanel } from "./SchedulePanel";
import classes from "./inspector.module.css";

const CalledBy = lazy(() => import("../callers/CalledBy"));

export function useScope(step: string): FormScope | null {
  const store = useStore();
  const { t } = useTranslation("editor");
  const document = useDocument();
  const checked = useEditor((state) => state.checked);
  const sources = useSources(step);
  const inside = useSourcesInside(step);
  const builtins = useBuiltins();
  const outputs = useOutputs();
  const [, go] = useAddress();
  const node = document.nodes.find((item) => item.id === step);
  const type = node ? store.types.get(node.type) : undefined;
  return useMemo(() => {
    if (!node || !type) return null;
    const index = document.nodes.indexOf(node);
    const prefix = ["nodes", String(index), "config"];
    const problems = (checked?.problems ?? [])
      .filter((problem) => problem.node === step)
      .map((problem) => {
        const path = parsePointer(problem.pointer);
        const below = prefix.every((part, at) => path[at] === part) ? path.slice(3) : path[0] === "config" ? path.slice(1) : path;
        return { ...problem, path: below };
      });
    const own = ownAnswers(checked?.nodes[step], node.name, outputs[step]);
    return {
      step,
      family: type.family,
      sources: [...own, ...sources, ...builtins],
      inside: [...inside, ...builtins],
      problems,
      definitions: type.schema.$defs ?? {},
      config: node.config,
      schema: type.schema,
      set: (path: Path, value: Json | undefined, label: string) =>
        store.edit(t("label.change", { field: label, name: node.name }), (current) => setConfig(current, step, path, value), `${step}/${path.join("/")}`),
      goTo: (other: string) => go({ step: other, field: undefined }),
      isRead: (name: string) =>
        Object.values(checked?.nodes ?? {}).some((other) =>
          other.references.some((reference) => {
            const path = reference.path.split(".");
            return path[0] === step && path[1] === name;
          })),
    };
  }, [node, type, document, checked, sources, inside, builtins, outputs, step, store, t, go]);
}

/** A form's computed values read its own answers, by their bare names; rows' cells read the row as `row`. */
function ownAnswers(known: CheckedNode | undefined, name: string, output: Json | undefined): Source[] {
  if (!known?.trigger || known.output.kind !== "record") return [];
  const answers = known.output.fields.map((field) => ({
    id: field.name, name, family: known.family, icon: known.icon, kind: field as Kind, value: isObject(output) ? output[field.name] : undefined,
  }));
  const list = known.output.fields.find((field) => field.kind === "list");
  const rows = list && isObject(output) ? output[list.name] : undefined;
  const row = list?.kind === "list" ? [{ id: "row", name: fieldTitle(list), family: known.family, icon: known.icon, kind: list.item, value: Array.isArray(rows) ? rows[0] : undefined }] : [];
  return [...answers, ...row];
}

export function SetupTab({ step }: { step: string }) {
  const { t } = useTranslation("editor");
  const store = useStore();
  const document = useDocument();
  const [address] = useAddress();
  const scope = useScope(step);
  const trigger = useEditor((state) => state.checked?.nodes[step]?.trigger);
  const node = document.nodes.find((item) => item.id === step);
  if (!node) return null;
  const type = store.types.get(node.type);
  if (!scope || !type) {
    return (
      <>
        <div className={classes["unknown"]}>{t("setup.unknown", { type: node.type })}</div>
        <JsonWidget
          scope={{ step, family: null, sources: [], inside: [], problems: [], definitions: {}, config: node.config, schema: {}, set: () => undefined, goTo: () => undefined, isRead: () => true }}
          schema={{}} path={[]} label={t("setup.kept")} help="" error={null} required={false} wanted={null} value={node.config}
          onChange={(value) => store.edit(t("label.change", { field: t("setup.kept"), name: node.name }), (current) => setConfig(current, step, [], value), `${step}/`)}
        />
      </>
    );
  }
  const question = address.field ? <Question scope={scope} name={address.field.split(".")[0] ?? ""} /> : null;
  const called = trigger === "webhook" ? memberWith(type.schema, "output_fields") : null;
  return question ?? (
    <>
      {called && <HookPanel step={step} member={called} />}
      {trigger === "schedule" && <SchedulePanel step={step} />}
      {trigger === "call" && <Suspense fallback={null}><CalledBy /></Suspense>}
      <SchemaForm scope={scope} schema={type.schema} path={[]} />
    </>
  );
}

/** One question of a form: its settings, what the page shows without an answer, and where the answer goes. */
function Question({ scope, name }: { scope: FormScope; name: string }) {
  const [, go] = useAddress();
  const member = memberWith(scope.schema, "form_fields");
  const fields = fieldsOf(member ? scope.config[member] : undefined);
  const found = fields.findIndex((field) => field.name === name);
  // A question's name follows its words, and the address follows the name a moment later: until then it is still the same question.
  const [last, setLast] = useState({ index: found, count: fields.length });
  if (found >= 0 && (found !== last.index || fields.length !== last.count)) setLast({ index: found, count: fields.length });
  const index = found < 0 && fields.length === last.count ? last.index : found;
  const field = fields[index];
  if (!member || !field) return <SchemaForm scope={scope} schema={scope.schema} path={[]} />;
  return (
    <div style={{ display: "flex", flexDirection: "column", gap: 16 }}>
      <FieldSettings
        key={index} scope={scope} field={field} answers={ANSWERS} taken={fields} errorAt={[member, String(index)]}
        onChange={(next) => {
          scope.set([member, index], next, field.label);
          if (next.name !== field.name) go({ field: next.name }, true);
        }}
        between={field["required"] === true ? null : <IfEmpty step={scope.step} field={name} />}
      />
      <Places step={scope.step} field={name} />
    </div>
  );
}

function IfEmpty({ step, field }: { step: string; field: string }) {
  const { t } = useTranslation("editor");
  const store = useStore();
  const document = useDocument();
  const used = fallbacksOf(document, step, field);
  const [other, setOther] = useState(false);
  if (used.length === 0) return null;
  const undecided = used.some((fallback) => fallback === null);
  const first = used[0] ?? "";
  const choice = undecided ? "" : other ? "other" : first === "" ? "out" : first === t("form.toFollow") ? "follow" : "other";
  const set = (fallback: string) => store.edit(t("form.ifEmpty"), (current) => setFallbacks(current, step, field, fallback), `${step}/${field}/fallback`);
  return (
    <div>
      <div style={{ display: "flex", justifyContent: "space-between", marginBlockEnd: 6 }}>
        <b style={{ fontWeight: 500 }}>{t("form.ifEmpty")}</b>
        {undecided && <span className={classes["choose"]}><TriangleAlert size={12} aria-hidden />{t("form.choose")}</span>}
      </div>
      <SegmentedControl
        fullWidth aria-label={t("form.ifEmpty")} value={choice}
        data={[{ value: "out", label: t("form.leaveOut") }, { value: "follow", label: `“${t("form.toFollow")}”` }, { value: "other", label: t("form.other") }]}
        onChange={(next) => {
          setOther(next === "other");
          if (next !== "other") set(next === "out" ? "" : t("form.toFollow"));
        }}
      />
      {choice === "other" && <TextInput mt={8} aria-label={t("form.other")} value={first} onChange={(event) => set(event.currentTarget.value)} />}
    </div>
  );
}

/** Each later step that reads this answer, with a cutting of where. */
function Places({ step, field }: { step: string; field: string }) {
  const { t } = useTranslation("editor");
  const store = useStore();
  const document = useDocument();
  const look = useLook();
  const checked = useEditor((state) => state.checked);
  const sources = useSources(null);
  const [, go] = useAddress();
  const places = document.nodes.flatMap((node, index) =>
    (checked?.nodes[node.id]?.references ?? [])
      .filter((reference) => {
        const path = reference.path.split(".");
        return path[0] === step && path[1] === field;
      })
      .map((reference) => {
        const path = parsePointer(reference.pointer);
        const inside = path[0] === "nodes" && path[1] === String(index) ? path.slice(3) : path[0] === "config" ? path.slice(1) : path;
        const text = getAt(node.config, inside);
        return { node, text: typeof text === "string" ? fillText(text, sources, look) : "" };
      }),
  );
  return (
    <div className={classes["section"]} style={{ marginBlockStart: 4 }}>
      <div style={{ display: "flex", justifyContent: "space-between", marginBlockEnd: 8 }}>
        <b style={{ fontWeight: 500 }}>{t("form.goesTo")}</b><span className={classes["none"]}>{t("form.places", { count: places.length })}</span>
      </div>
      {places.length > 0 && (
        <div className={classes["places"]}>
          {places.map(({ node, text }, index) => (
            <button type="button" className={classes["place"]} key={index} onClick={() => go({ step: node.id, field: undefined, surface: undefined })}>
              <StepIcon family={checked?.nodes[node.id]?.family ?? null} icon={store.types.get(node.type)?.icon} />
              <span style={{ flex: 1, minInlineSize: 0 }}>
                <span style={{ fontWeight: 500 }}>{node.name}</span>
                <div className={classes["placeText"]}>{text}</div>
              </span>
              <ArrowUpRight size={14} aria-hidden />
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
