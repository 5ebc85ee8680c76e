// What can be done with one chip: see its value large, show it in another way, say what stands there when it is empty, swap it.

import { Button, TextInput } from "@mantine/core";
import { ArrowUpRight, Check, CircleHelp, Replace, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { formatValue, isEmpty } from "~/lib/expression/format";
import { looksOf, sameLook } from "~/lib/expression/looks";
import type { Kind } from "~/lib/expression/kind";
import type { Chip } from "~/lib/expression/template";
import { closeMatches, resolve } from "~/lib/expression/values";
import type { Source } from "~/lib/expression/values";
import { KindIcon } from "../icons";
import { useLook } from "./look";
import { ValuePicker } from "./ValuePicker";
import classes from "./chips.module.css";

interface Props {
  chip: Chip;
  sources: readonly Source[];
  wanted?: Kind | null;
  inText: boolean;
  onChange: (chip: Chip | null) => void;
  onGoTo?: (step: string) => void;
}

export function ChipMenu({ chip, sources, wanted = null, inText, onChange, onGoTo }: Props) {
  const { t } = useTranslation("editor");
  const look = useLook();
  const [view, setView] = useState<"menu" | "swap" | "empty">("menu");
  const [fallback, setFallback] = useState(chip.fallback ?? "");
  const found = resolve(sources, chip.path);

  if (view === "swap") return <ValuePicker sources={sources} wanted={wanted} inText={inText} onPick={(next) => onChange({ ...next, fallback: chip.fallback })} />;

  const text = isEmpty(found.value) ? t("value.empty") : formatValue(found.value, found.kind, look);
  const long = text.length > 60;
  const looks = inText && found.kind ? looksOf(found.kind, found.value, look) : [];
  const emptyWords = chip.fallback === null ? t("chip.stop") : chip.fallback === "" ? t("chip.leaveOut") : `“${chip.fallback}”`;
  const matches = found.kind ? [] : closeMatches(chip.path, sources);

  return (
    <div className={classes["menu"]}>
      <div className={classes["menuHead"]}>
        <div className={classes["menuTitle"]}>
          <KindIcon kind={found.kind?.kind} />
          <b>{found.title}</b>
          <span className={classes["menuKind"]}>{found.kind ? t(`kind.${found.kind.kind}`) : ""}</span>
          <span className={classes["menuFrom"]}>{found.source ? t("chip.from", { step: found.source.name }) : ""}</span>
        </div>
        {found.kind
          ? <div className={[classes["menuValue"], long ? classes["menuLong"] : ""].join(" ")}>{text}</div>
          : <div className={classes["error"]}>{t("chip.goneLong", { path: chip.path.join(".") })}</div>}
      </div>
      {matches.length > 0 && (
        <div className={classes["menuPart"]}>
          <div className={classes["menuLabel"]}>{t("chip.didYouMean")}</div>
          {matches.map((match) => (
            <button type="button" className={classes["menuItem"]} key={match.path.join(".")} onClick={() => onChange({ ...chip, path: match.path })}>
              <KindIcon kind={match.kind.kind} />{match.trail.join(" › ")}
            </button>
          ))}
        </div>
      )}
      {looks.length > 1 && (
        <div className={classes["menuPart"]} role="radiogroup" aria-label={t("chip.showAs")}>
          <div className={classes["menuLabel"]}>{t("chip.showAs")}</div>
          {looks.map((item) => {
            const on = sameLook(item.filters, chip.filters);
            return (
              <button
                type="button" role="radio" aria-checked={on} className={classes["menuItem"]} key={item.id}
                onClick={() => onChange({ ...chip, filters: item.filters })}
              >
                {item.text ?? t(`look.${item.id}`)}
                {on && <Check size={15} style={{ marginInlineStart: "auto" }} />}
              </button>
            );
          })}
        </div>
      )}
      <div className={classes["menuPart"]}>
        {found.kind && (
          <button type="button" className={classes["menuItem"]} aria-expanded={view === "empty"} onClick={() => setView(view === "empty" ? "menu" : "empty")}>
            <CircleHelp size={15} />{t("chip.ifEmpty")}<span className={classes["menuTail"]}>{emptyWords}</span>
          </button>
        )}
        {view === "empty" && (
          <>
            <button type="button" className={classes["menuItem"]} role="radio" aria-checked={chip.fallback === null} onClick={() => onChange({ ...chip, fallback: null })}>{t("chip.stop")}</button>
            <button type="button" className={classes["menuItem"]} role="radio" aria-checked={chip.fallback === ""} onClick={() => onChange({ ...chip, fallback: "" })}>{t("chip.leaveOut")}</button>
            <form
              className={classes["fallback"]}
              onSubmit={(event) => {
                event.preventDefault();
                onChange({ ...chip, fallback });
              }}
            >
              <TextInput style={{ flex: 1 }} value={fallback} aria-label={t("chip.write")} placeholder={t("chip.write")} onChange={(event) => setFallback(event.currentTarget.value)} />
              <Button type="submit" variant="default">{t("chip.writeIt")}</Button>
            </form>
          </>
        )}
        <button type="button" className={classes["menuItem"]} onClick={() => setView("swap")}><Replace size={15} />{t("chip.swap")}</button>
        {found.source && onGoTo && (
          <button type="button" className={classes["menuItem"]} onClick={() => onGoTo(found.source?.id ?? "")}>
            <ArrowUpRight size={15} />{t("chip.goTo", { step: found.source.name })}
          </button>
        )}
        <button type="button" className={classes["menuItem"]} onClick={() => onChange(null)}><Trash2 size={15} />{t("chip.remove")}</button>
      </div>
    </div>
  );
}
