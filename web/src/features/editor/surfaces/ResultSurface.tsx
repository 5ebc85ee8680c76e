// The result of a step that has neither form nor page: the text it made, or its values.

import { useTranslation } from "react-i18next";

import { isObject } from "~/lib/document/pointer";
import { partialValue } from "~/lib/partial-json";
import { useOutputs } from "../chips/sources";
import { ValueTree } from "../inspector/ValueTree";
import { useDocument, useEditor } from "../state/store";
import classes from "./surfaces.module.css";

export function ResultSurface({ step }: { step: string }) {
  const { t } = useTranslation("editor");
  const document = useDocument();
  const outputs = useOutputs();
  const known = useEditor((state) => state.checked?.nodes[step]);
  const stream = useEditor((state) => state.streams[step]);
  const node = document.nodes.find((item) => item.id === step);
  const output = stream === undefined ? outputs[step] : partialValue(stream);
  const text = isObject(output) && Object.keys(output).length === 1 ? Object.values(output)[0] : output;
  const prose = typeof text === "string" ? text : null;
  return (
    <div className={classes["desk"]}>
      <div className={classes["result"]} aria-label={node?.name}>
        {prose !== null && <div className={classes["prose"]} aria-live="off">{prose}</div>}
        {prose === null && output !== undefined && <ValueTree kind={known?.output ?? null} value={output} root={step} title={node?.name ?? step} />}
        {prose === null && output === undefined && <p style={{ color: "var(--text3)" }}>{t("lastRun.none")}</p>}
      </div>
    </div>
  );
}
