// A list of named things that open in place: add, remove, reorder by handle or keys. Shared by every widget that holds a list.

import { ActionIcon } from "@mantine/core";
import { GripVertical, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { movedItem } from "~/lib/document/pointer";
import classes from "./widgets.module.css";

interface Props<T> {
  label: string;
  items: readonly T[];
  title: (item: T) => string;
  icon?: (item: T) => ReactNode;
  tail?: (item: T) => ReactNode;
  body: (item: T, index: number) => ReactNode;
  open: number | null;
  onOpen: (index: number | null) => void;
  onChange: (items: T[], what: "move" | "remove", index: number) => void;
  addLabel: string;
  onAdd: () => void;
  head?: ReactNode;
  foot?: ReactNode;
}

export function Items<T>({ label, items, title, icon, tail, body, open, onOpen, onChange, addLabel, onAdd, head, foot }: Props<T>) {
  const { t } = useTranslation("editor");
  const [dragged, setDragged] = useState<number | null>(null);
  const [over, setOver] = useState<number | null>(null);
  const move = (from: number, to: number) => {
    if (to < 0 || to >= items.length || from === to) return;
    onChange(movedItem(items, from, to), "move", from);
    onOpen(open === from ? to : null);
  };
  return (
    <div>
      {(items.length > 0 || head || foot) && (
        <div className={classes["box"]} {...(items.length > 0 ? { role: "list", "aria-label": label } : {})}>
          {head && <div className={classes["boxHead"]}>{head}</div>}
          {items.map((item, index) => (
            <div
              className={[classes["item"], over === index && dragged !== null ? classes["dropBefore"] : ""].join(" ")}
              role="listitem"
              // Positions are the only identity these entries have; their contents are controlled.
              key={index}
              onDragOver={(event) => {
                if (dragged === null) return;
                event.preventDefault();
                setOver(index);
              }}
              onDrop={(event) => {
                event.preventDefault();
                if (dragged !== null) move(dragged, index);
                setDragged(null);
                setOver(null);
              }}
            >
              <div className={classes["itemRow"]} data-open={open === index || undefined}>
                <button
                  type="button" className={classes["grip"]} draggable
                  aria-label={t("items.move", { name: title(item) })} title={t("items.moveHint")}
                  onDragStart={(event) => {
                    event.dataTransfer.effectAllowed = "move";
                    event.dataTransfer.setData("text/plain", title(item));
                    setDragged(index);
                  }}
                  onDragEnd={() => {
                    setDragged(null);
                    setOver(null);
                  }}
                  onKeyDown={(event) => {
                    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
                    event.preventDefault();
                    move(index, index + (event.key === "ArrowUp" ? -1 : 1));
                  }}
                >
                  <GripVertical size={14} aria-hidden />
                </button>
                <button type="button" className={classes["itemButton"]} aria-expanded={open === index} onClick={() => onOpen(open === index ? null : index)}>
                  {icon && <span className={classes["itemIcon"]}>{icon(item)}</span>}
                  <span className={classes["itemName"]}>{title(item)}</span>
                  {tail && <span className={classes["itemKind"]}>{tail(item)}</span>}
                </button>
                {open === index && (
                  <ActionIcon
                    size={24} aria-label={t("items.remove", { name: title(item) })}
                    onClick={() => {
                      onChange(items.filter((_, other) => other !== index), "remove", index);
                      onOpen(null);
                    }}
                  >
                    <Trash2 size={14} />
                  </ActionIcon>
                )}
              </div>
              {open === index && <div className={classes["itemBody"]}>{body(item, index)}</div>}
            </div>
          ))}
          {foot}
        </div>
      )}
      <button type="button" className={classes["add"]} onClick={onAdd}><Plus size={14} aria-hidden />{addLabel}</button>
    </div>
  );
}
