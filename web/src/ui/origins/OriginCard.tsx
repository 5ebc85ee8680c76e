import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Family } from "~/api/types";
import { OriginIcon } from "~/ui/Origin";
import classes from "./origins.module.css";
import { useOriginWords } from "./words";

interface Props {
  /** null: somebody wrote it into the document. */
  family: Family | null;
  icon: string | null | undefined;
  step?: string | null;
  value?: string | null;
  length?: { now: number; most: number } | null;
  block?: string | null;
  /** More facts, as pairs of `dt` and `dd`. */
  facts?: ReactNode;
  children?: ReactNode;
}

/** Where a word on a page comes from, in a few lines. */
export function OriginCard({ family, icon, step, value, length, block, facts, children }: Props) {
  const { t } = useTranslation("origins");
  const words = useOriginWords();
  return (
    <div className={classes.card}>
      <div className={classes.head}>
        {family !== null && <OriginIcon family={family} icon={icon ?? ""} size={20} />}
        <b>{words.family(family)}</b>
      </div>
      <dl>
        {step && <><dt>{t("step")}</dt><dd>{step}</dd></>}
        {value && <><dt>{t("value")}</dt><dd>{value}</dd></>}
        {length && <><dt>{t("length")}</dt><dd>{t("lengthOf", length)}</dd></>}
        {block && <><dt>{t("block")}</dt><dd>{block}</dd></>}
        {facts}
      </dl>
      {children}
    </div>
  );
}
