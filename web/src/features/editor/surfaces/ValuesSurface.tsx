// Every value of the sample, by step in running order.

import { useTranslation } from "react-i18next";

import { inOrder } from "~/lib/document/lanes";
import { useAddress } from "../address";
import { useOutputs } from "../chips/look";
import { StepIcon } from "../icons";
import { ValueTree } from "../inspector/ValueTree";
import { useDocument, useEditor } from "../state/store";
import classes from "./surfaces.module.css";

export function ValuesSurface() {
  const { t } = useTranslation("editor");
  const document = useDocument();
  const checked = useEditor((state) => state.checked);
  const outputs = useOutputs();
  const [, go] = useAddress();
  return (
    <div className={classes["desk"]}>
      <div className={classes["values"]}>
        {inOrder(document).map((id) => {
          const node = document.nodes.find((item) => item.id === id);
          const known = checked?.nodes[id];
          if (!node || !known) return null;
          return (
            <section key={id} aria-label={node.name}>
              <button type="button" className={["link", classes["valueHead"]].join(" ")} style={{ color: "var(--text)" }} onClick={() => go({ step: id, field: undefined, surface: "values" })}>
                <StepIcon family={known.family} icon={known.icon} size={22} /><b style={{ fontWeight: 600 }}>{node.name}</b>
              </button>
              <ValueTree kind={known.output} value={outputs[id]} root={id} title={node.name} />
            </section>
          );
        })}
        {document.nodes.length === 0 && <p>{t("list.empty")}</p>}
      </div>
    </div>
  );
}
