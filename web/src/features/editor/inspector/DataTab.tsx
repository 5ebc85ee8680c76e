// What comes into a step and what it gives, as typed values of this sample.

import { useTranslation } from "react-i18next";

import { useOutputs, useSources } from "../chips/sources";
import { StepIcon } from "../icons";
import { useEditor } from "../state/store";
import { ValueTree } from "./ValueTree";
import classes from "./inspector.module.css";

export function DataTab({ step }: { step: string }) {
  const { t } = useTranslation("editor");
  const sources = useSources(step);
  const outputs = useOutputs();
  const known = useEditor((state) => state.checked?.nodes[step]);
  return (
    <>
      <section className={classes["section"]}>
        <h3>{t("data.out")}</h3>
        {known ? <ValueTree kind={known.output} value={outputs[step]} root={step} title={t("data.out")} /> : <p className={classes["none"]}>{t("data.unknown")}</p>}
      </section>
      <section className={classes["section"]}>
        <h3>{t("data.in")}</h3>
        {sources.length === 0 && <p className={classes["none"]}>{t("data.first")}</p>}
        {sources.map((source) => (
          <div key={source.id} style={{ marginBlockEnd: 12 }}>
            <div style={{ display: "flex", gap: 8, alignItems: "center", marginBlockEnd: 6 }}><StepIcon family={source.family} icon={source.icon} size={20} />{source.name}</div>
            <ValueTree kind={source.kind} value={source.value} root={source.id} title={source.name} />
          </div>
        ))}
      </section>
    </>
  );
}
