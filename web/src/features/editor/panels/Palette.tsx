// Every kind of step, by origin, found by typing. What it says comes from the catalogue.

import { Modal } from "@mantine/core";
import { useId, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Gap } from "~/lib/document/edits";
import type { NodeType } from "~/lib/document/types";
import { useOriginWords } from "~/ui/origins/words";
import { useCommands } from "../commands";
import { FAMILIES, StepIcon } from "../icons";
import { useDocument, useStore } from "../state/store";
import classes from "./panels.module.css";

export function matches(type: NodeType, query: string, origin: string): boolean {
  const text = `${type.title} ${type.summary} ${origin}`.toLowerCase();
  return query.toLowerCase().split(/\s+/).filter(Boolean).every((word) => text.includes(word));
}

function focusStep(id: string): void {
  const at = CSS.escape(id);
  document.querySelector<HTMLElement>(`[role=treeitem][data-step="${at}"], .react-flow__node[data-id="${at}"]`)?.focus();
}

export function Palette({ gap, onClose }: { gap: Gap | null; onClose: () => void }) {
  const { t } = useTranslation("editor");
  const words = useOriginWords();
  const store = useStore();
  const workflow = useDocument();
  const commands = useCommands();
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const made = useRef<string | null>(null);
  const groups = useMemo(
    () =>
      FAMILIES.map((family) => ({
        family,
        types: [...store.types.values()].filter((type) => type.family === family && matches(type, query, words.family(family))),
      })).filter((group) => group.types.length > 0),
    [store.types, query, words],
  );
  const flat = groups.flatMap((group) => group.types);
  const current = Math.min(active, Math.max(0, flat.length - 1));
  const close = () => {
    setQuery("");
    setActive(0);
    onClose();
  };
  const take = (type: NodeType | undefined) => {
    if (!type || !gap) return;
    made.current = commands.add(type, gap);
    close();
  };
  const move = (step: number) => {
    const next = (current + step + flat.length) % Math.max(1, flat.length);
    setActive(next);
    list.current?.querySelector(`#${CSS.escape(`${id}-${next}`)}`)?.scrollIntoView({ block: "nearest" });
  };
  const after = workflow.nodes.find((node) => node.id === gap?.after)?.name;
  return (
    <Modal.Root
      opened={gap !== null} onClose={close} padding={0} size={520} yOffset="12vh" centered={false}
      // The keyboard goes on at the new step.
      onExitTransitionEnd={() => {
        if (made.current) focusStep(made.current);
        made.current = null;
      }}
    >
      <Modal.Overlay />
      <Modal.Content aria-label={t("palette.title")}>
      <div className={classes["palette"]}>
        <input
          className={classes["search"]} data-autofocus role="combobox" aria-expanded aria-controls={`${id}-list`} aria-activedescendant={flat.length ? `${id}-${current}` : undefined}
          aria-label={t("palette.search")} placeholder={after ? t("palette.after", { name: after }) : t("palette.search")} value={query}
          onChange={(event) => {
            setQuery(event.currentTarget.value);
            setActive(0);
          }}
          onKeyDown={(event) => {
            if (event.key === "ArrowDown") move(1);
            else if (event.key === "ArrowUp") move(-1);
            else if (event.key === "Enter") take(flat[current]);
            else return;
            event.preventDefault();
          }}
        />
        <div className={classes["list"]} role="listbox" id={`${id}-list`} aria-label={t("palette.title")} ref={list}>
          {groups.map(({ family, types }) => (
            <div role="group" aria-label={words.family(family)} key={family}>
              <div className={classes["group"]}>{words.family(family)}</div>
              {types.map((type) => {
                const mine = flat.indexOf(type);
                return (
                  <button
                    type="button" role="option" tabIndex={-1} key={type.type} id={`${id}-${mine}`} className={classes["type"]} aria-selected={mine === current}
                    onMouseMove={() => setActive(mine)} onClick={() => take(type)}
                  >
                    <StepIcon family={type.family} icon={type.icon} size={32} />
                    <span><span className={classes["typeName"]}>{type.title}</span><div className={classes["typeText"]}>{type.summary}</div></span>
                  </button>
                );
              })}
            </div>
          ))}
          {flat.length === 0 && <p className={classes["group"]}>{t("palette.none")}</p>}
        </div>
      </div>
      </Modal.Content>
    </Modal.Root>
  );
}
