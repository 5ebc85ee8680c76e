// The values a step may read, by step, nearest first, each with its type and sample value.

import { useId, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { formatValue, isEmpty } from "~/lib/expression/format";
import { fieldTitle, fits } from "~/lib/expression/kind";
import type { Kind } from "~/lib/expression/kind";
import type { Chip } from "~/lib/expression/template";
import { picks } from "~/lib/expression/values";
import type { Pick, Source } from "~/lib/expression/values";
import { KindIcon, StepIcon } from "../icons";
import { useLook } from "./look";
import classes from "./chips.module.css";

interface Option {
  key: string;
  chip: Chip;
  title: string;
  kind: Kind;
  value: Pick["value"];
  depth: number;
  unfit: boolean;
  source: Source;
}

interface Props {
  sources: readonly Source[];
  wanted?: Kind | null;
  /** In a text the columns of a list can be written one after another. */
  inText?: boolean;
  /** What was typed before this had the focus. */
  early?: string;
  onPick: (chip: Chip) => void;
}

function optionsOf(source: Source, wanted: Kind | null, inText: boolean): Option[] {
  return picks(source).flatMap((pick) => {
    const chip: Chip = { path: pick.path, filters: [], fallback: null };
    const own: Option = {
      key: pick.path.join("."), chip, title: pick.title, kind: pick.kind, value: pick.value, depth: pick.depth, source,
      unfit: !fits(pick.kind, wanted) && !(inText && pick.kind.kind === "list"),
    };
    if (!inText || pick.kind.kind !== "list" || pick.kind.item.kind !== "record") return [own];
    const columns = pick.kind.item.fields.map((field) => ({
      key: `${own.key}.*.${field.name}`,
      chip: { ...chip, filters: [{ name: "map", args: [`attribute="${field.name}"`] }, { name: "join", args: ['", "'] }] },
      title: fieldTitle(field),
      kind: field as Kind,
      value: null,
      depth: pick.depth + 1,
      unfit: false,
      source,
    }));
    return [own, ...columns];
  });
}

export function ValuePicker({ sources, wanted = null, inText = false, early = "", onPick }: Props) {
  const { t } = useTranslation("editor");
  const look = useLook();
  const id = useId();
  const [query, setQuery] = useState(early);
  const [known, setKnown] = useState(early);
  if (early !== known) {
    setKnown(early);
    setQuery(query + early.slice(known.length));
  }
  const [active, setActive] = useState(0);
  const list = useRef<HTMLDivElement>(null);

  const groups = useMemo(() => {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = (option: Option) =>
      words.every((word) => `${option.title} ${option.source.name} ${option.key}`.toLowerCase().includes(word));
    return sources
      .map((source) => ({
        source,
        // Unfitting ones come last, and say so by their look.
        options: optionsOf(source, wanted, inText).filter(matches).toSorted((a, b) => Number(a.unfit) - Number(b.unfit)),
      }))
      .filter((group) => group.options.length > 0);
  }, [sources, wanted, inText, query]);
  const flat = groups.flatMap((group) => group.options);
  const current = Math.min(active, Math.max(0, flat.length - 1));

  const move = (step: number) => {
    if (!flat.length) return;
    const next = (current + step + flat.length) % flat.length;
    setActive(next);
    list.current?.querySelector(`#${CSS.escape(`${id}-${next}`)}`)?.scrollIntoView({ block: "nearest" });
  };

  return (
    <div className={classes["picker"]}>
      <input
        className={classes["search"]}
        data-autofocus
        autoFocus
        role="combobox"
        aria-expanded
        aria-controls={`${id}-list`}
        aria-activedescendant={flat.length ? `${id}-${current}` : undefined}
        aria-label={t("picker.search")}
        placeholder={t("picker.search")}
        value={query}
        onChange={(event) => {
          setQuery(event.target.value);
          setActive(0);
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") move(1);
          else if (event.key === "ArrowUp") move(-1);
          else if (event.key === "Enter" && flat[current]) onPick(flat[current].chip);
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      />
      <div className={classes["options"]} id={`${id}-list`} role="listbox" aria-label={t("picker.title")} ref={list}>
        {groups.map(({ source, options }, at) => (
          <div role="group" aria-label={source.name} key={source.id}>
            {(source.group === undefined || source.group !== groups[at - 1]?.source.group) && (
              <div className={classes["group"]}><StepIcon family={source.family} icon={source.icon} size={18} />{source.group ?? source.name}</div>
            )}
            {options.map((option) => {
              const mine = flat.indexOf(option);
              return (
                <button
                  type="button"
                  role="option"
                  tabIndex={-1}
                  id={`${id}-${mine}`}
                  key={option.key}
                  className={classes["option"]}
                  aria-selected={mine === current}
                  data-unfit={option.unfit || undefined}
                  title={option.unfit && wanted ? t("picker.unfit", { kind: t(`kind.${wanted.kind}`) }) : undefined}
                  style={{ paddingInlineStart: 8 + option.depth * 16 }}
                  onMouseEnter={() => setActive(mine)}
                  onClick={() => onPick(option.chip)}
                >
                  <span className={classes["optionIcon"]}><KindIcon kind={option.kind.kind} /></span>
                  <span className={classes["optionName"]}>{option.key.includes(".*.") ? t("chip.each", { title: option.title }) : option.title}</span>
                  <span className={classes["optionValue"]}>
                    {isEmpty(option.value) ? t(`kind.${option.kind.kind}`) : formatValue(option.value, option.kind, look)}
                  </span>
                </button>
              );
            })}
          </div>
        ))}
        {flat.length === 0 && <p className={classes["nothing"]}>{sources.length ? t("picker.noMatch") : t("picker.nothing")}</p>}
      </div>
    </div>
  );
}
