// Every value of the sample, by step in running order. What begins the run can be typed here, for trying out.

import { Button } from "@mantine/core";
import { PenLine } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { setSample } from "~/lib/document/edits";
import { inOrder } from "~/lib/document/lanes";
import { isObject } from "~/lib/document/pointer";
import type { CheckedNode, WorkflowNode } from "~/lib/document/types";
import { useAddress } from "../address";
import { useOutputs } from "../chips/sources";
import { StepIcon } from "../icons";
import { ValueTree } from "../inspector/ValueTree";
import { sampleNamed, useDocument, useEditor, useStore } from "../state/store";
import { formMembers } from "./formMembers";
import { TypedFields } from "./TypedValue";
import classes from "./surfaces.module.css";

export function ValuesSurface() {
  const { t } = useTranslation("editor");
  const document = useDocument();
  const checked = useEditor((state) => state.checked);
  const outputs = useOutputs();
  const [, go] = useAddress();
  const [typing, setTyping] = useState<string | null>(null);
  return (
    <div className={classes["desk"]}>
      <div className={classes["values"]}>
        {inOrder(document).map((id) => {
          const node = document.nodes.find((item) => item.id === id);
          const known = checked?.nodes[id];
          if (!node || !known) return null;
          return (
            <section key={id} aria-label={node.name}>
              <div className={classes["valueHead"]}>
                <button type="button" className={["link", classes["valueName"]].join(" ")} onClick={() => go({ step: id, field: undefined, surface: "values" })}>
                  <StepIcon family={known.family} icon={known.icon} size={22} /><b style={{ fontWeight: 600 }}>{node.name}</b>
                </button>
                {known.trigger && (
                  <Button className={classes["valueTool"]} size="xs" variant="default" leftSection={<PenLine size={13} />} aria-pressed={typing === id} onClick={() => setTyping(typing === id ? null : id)}>
                    {typing === id ? t("data.typed") : t("data.type")}
                  </Button>
                )}
              </div>
              {typing === id ? <SampleFields node={node} known={known} /> : <ValueTree kind={known.output} value={outputs[id]} root={id} title={node.name} />}
            </section>
          );
        })}
        {document.nodes.length === 0 && <p>{t("list.empty")}</p>}
      </div>
    </div>
  );
}

/** What a person or program gives to the run; what the step computes from it is not typed. */
function SampleFields({ node, known }: { node: WorkflowNode; known: CheckedNode }) {
  const { t } = useTranslation("editor");
  const store = useStore();
  const document = useDocument();
  const [address] = useAddress();
  const type = store.types.get(node.type);
  const sample = sampleNamed(document, address.sample);
  const computed = type ? node.config[formMembers(type.schema).computed] : undefined;
  const own = new Set((Array.isArray(computed) ? computed : []).filter(isObject).map((item) => item["name"]));
  const fields = known.output.kind === "record" ? known.output.fields.filter((field) => !own.has(field.name)) : [];
  return (
    <TypedFields
      label={sample.name || t("sample.first")} fields={fields} value={sample.input} currency={document.currency}
      onChange={(input) => store.edit(t("label.sample"), (current) => setSample(current, sample.name || t("sample.first"), input), `sample/${sample.name}`)}
    />
  );
}
