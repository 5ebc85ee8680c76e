import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { OriginSource, PageOrigin, RunPage } from "~/api/types";
import { OriginIcon } from "~/ui/Origin";
import { OriginCard } from "~/ui/origins/OriginCard";
import { useModelTitle } from "~/ui/waits";
import classes from "./pages.module.css";
import { entryOf, stepOf, tell, titleOf } from "./origin";

interface Props {
  origin: PageOrigin;
  page: RunPage;
  select: (step: string) => void;
}

/** What is told of a word of a page. */
export function PlaceCard({ origin, page, select }: Props) {
  const { t } = useTranslation("run-pages");
  const { t: common } = useTranslation();
  const modelTitle = useModelTitle();
  const { family, main, detail, title, expression, parts } = tell(origin);
  const model = main?.model == null ? undefined : page.models[main.model];
  const step = main === null ? null : stepOf(main);
  const nameOf = (source: OriginSource): string | null => {
    const entry = entryOf(source);
    return source.name !== null && entry !== null ? t("entry", { step: source.name, number: entry }) : source.name;
  };
  const facts = (
    <>
      {expression !== null && <><dt>{t("expression")}</dt><dd><code>{expression}</code></dd></>}
      {model !== undefined && (
        <>
          {model.model !== null && <><dt>{t("model")}</dt><dd>{modelTitle(model.model)}</dd></>}
          {model.seed !== null && <><dt>{t("seed")}</dt><dd className="num">{model.seed}</dd></>}
          {model.temperature !== null && <><dt>{t("freedom")}</dt><dd className="num">{model.temperature}</dd></>}
          {model.round > 0 && <><dt>{t("round")}</dt><dd>{t("roundOf", { round: model.round })}</dd></>}
        </>
      )}
    </>
  );
  return (
    <OriginCard family={family} icon={main?.icon} step={main === null ? null : nameOf(main)} value={title} block={main === null ? origin.block : null} facts={facts}>
      {detail !== null && <p className={classes.detail}>{t(`detail.${detail}`, { by: main?.by ?? "" })}</p>}
      {model !== undefined && model.messages.length > 0 && (
        <section className={classes.prompt} aria-label={t("prompt")} tabIndex={0}>
          <h3>{t("prompt")}</h3>
          {model.messages.map((message, at) => (
            <p key={at}>
              <b>{common(`run.role.${message.role}`, { defaultValue: message.role })}</b> {message.content}
            </p>
          ))}
        </section>
      )}
      {main?.kind === "written" && page.is_masked && <p className={classes.detail}>{t("hidden")}</p>}
      {parts.length > 0 && (
        <>
          <h3 className={classes.heading}>{t("of")}</h3>
          <ul className={classes.parts}>
            {parts.map((part, at) => (
              <li key={at} style={{ paddingInlineStart: part.depth * 12 }}>
                <OriginIcon family={part.family ?? "made"} icon={part.icon ?? ""} size={18} />
                <span>
                  {[titleOf(part), nameOf(part)].filter(Boolean).join(" · ")}
                  {part.expression !== null && <code>{part.expression}</code>}
                </span>
              </li>
            ))}
            {origin.is_cut && <li>{t("more")}</li>}
          </ul>
        </>
      )}
      <div className={classes.actions}>
        {step !== null && <button type="button" className="link" onClick={() => select(step)}>{t("show", { name: main?.name ?? "" })}</button>}
        {main?.run != null && <Link to="/runs/$id" params={{ id: main.run }} className="link">{t("called")}</Link>}
      </div>
    </OriginCard>
  );
}
