import type { ReactNode } from "react";
import type { Example } from "~/api/types";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { OriginIcon, StepIcons } from "./Origin";
import classes from "./ExampleCard.module.css";

/** An example with its real page, drawn by the server from the example's own sample, or with its steps if it makes none. */
export function ExampleCard({
  example,
  tag,
  actions,
  icons = true,
  heading: Heading = "h3",
}: {
  example: Example;
  tag?: ReactNode;
  actions: ReactNode;
  icons?: boolean;
  heading?: "h2" | "h3";
}) {
  const { t } = useTranslation();
  const [drawn, setDrawn] = useState(true);
  return (
    <article className={classes.card}>
      <div className={classes.desk}>
        {example.page_url === null && (
          <div className={classes.pageless}>
            {example.steps.slice(0, 4).map((step, at) => (
              <OriginIcon key={at} family={step.family} icon={step.icon} size={34} />
            ))}
          </div>
        )}
        {example.page_url !== null && drawn && (
          <img
            className={classes.paper}
            src={example.page_url}
            alt={t("workflows.page_of", { name: example.title })}
            onError={() => setDrawn(false)}
            loading="lazy"
          />
        )}
      </div>
      <div className={classes.body}>
        <div className={classes.head}>
          <Heading>{example.title}</Heading>
          {tag ?? <span className={classes.meta}>{t("workflows.steps", { count: example.steps.length })}</span>}
        </div>
        <p className={classes.summary}>{example.summary}</p>
        <div className={classes.foot}>
          {actions}
          {icons && <StepIcons steps={example.steps} size={18} max={7} />}
        </div>
      </div>
    </article>
  );
}

export function ExampleGrid({ children }: { children: ReactNode }) {
  return <div className={classes.grid}>{children}</div>;
}
