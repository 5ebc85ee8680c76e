// Every kind of block, to be added behind what is chosen or dragged to its place.

import { useTranslation } from "react-i18next";

import { KINDS } from "~/lib/template/members";
import type { Dragged } from "./BlockTree";
import { useBlockCommands } from "./commands";
import { BlockIcon } from "./icons";
import { kindName } from "./words";
import classes from "./template.module.css";

export function AddBlock({ onDrag }: { onDrag: (dragged: Dragged) => void }) {
  const { t } = useTranslation("template");
  const commands = useBlockCommands();
  return (
    <section className={classes["add"]} aria-label={t("add.title")}>
      <div className={classes["addHead"]}><b>{t("add.title")}</b><span>{t("add.hint")}</span></div>
      <div className={classes["kinds"]}>
        {KINDS.map((kind, at) => (
          <button
            type="button" key={kind} className={classes["kind"]} draggable data-add-block={at === 0 || undefined}
            onDragStart={(event) => {
              event.dataTransfer.effectAllowed = "copyMove";
              event.dataTransfer.setData("text/plain", kindName(kind, t));
              onDrag({ type: kind });
            }}
            onDragEnd={() => onDrag(null)}
            onClick={() => commands.add(kind)}
          >
            <BlockIcon name={kind} size={16} />{kindName(kind, t)}
          </button>
        ))}
      </div>
    </section>
  );
}
