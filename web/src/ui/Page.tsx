import { Link } from "@tanstack/react-router";
import { CircleQuestionMark as CircleHelp } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useTitle } from "~/lib/title";
import classes from "./Page.module.css";

/** A screen of the shell: title, actions at the right, content in the page's gutter. */
export function Page({
  title,
  sub,
  actions,
  tabs,
  children,
  aside,
  help,
}: {
  title: string;
  sub?: ReactNode;
  actions?: ReactNode;
  tabs?: ReactNode;
  children: ReactNode;
  aside?: ReactNode;
  /** The page of help that explains this screen. */
  help?: string;
}) {
  const { t } = useTranslation();
  useTitle(title);
  return (
    <div className={classes.page} data-aside={aside !== undefined || undefined}>
      <header className={classes.header} data-tabs={tabs !== undefined || undefined}>
        <div className={classes.titles}>
          <div className={classes.title}>
            <h1>{title}</h1>
            {help !== undefined && (
              <Link to="/help/$page" params={{ page: help }} className={classes.help} aria-label={t("help.about")} title={t("help.about")}>
                <CircleHelp size={16} strokeWidth={1.75} aria-hidden />
              </Link>
            )}
          </div>
          {sub !== undefined && <p className={classes.sub}>{sub}</p>}
        </div>
        <div className={classes.actions}>{actions}</div>
        {tabs !== undefined && <div className={classes.tabs}>{tabs}</div>}
      </header>
      <div className={classes.columns}>
        <div className={classes.content}>{children}</div>
        {aside}
      </div>
    </div>
  );
}

export function Card({ title, note, children, flush }: { title?: ReactNode; note?: ReactNode; children: ReactNode; flush?: boolean }) {
  return (
    <section className={classes.card} data-flush={flush || undefined}>
      {title !== undefined && (
        <header className={classes.cardHead}>
          <h2>{title}</h2>
          {note !== undefined && <span className={classes.note}>{note}</span>}
        </header>
      )}
      {children}
    </section>
  );
}

/** One sentence, one action; never an illustration alone. */
export function Empty({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div className={classes.empty}>
      <div>{children}</div>
      {action}
    </div>
  );
}

/** Nothing for 150 ms, then lines where the content will be. */
export function Loading({ lines = 5, height = 54 }: { lines?: number; height?: number }) {
  const { t } = useTranslation();
  return (
    <div className={classes.loading} role="status" aria-label={t("common.loading")}>
      {Array.from({ length: lines }, (_, at) => (
        <div key={at} className={classes.line} data-height={height} style={{ blockSize: height }}>
          <span style={{ inlineSize: `${30 + ((at * 17) % 25)}%` }} />
          <span style={{ inlineSize: `${10 + ((at * 7) % 15)}%` }} />
        </div>
      ))}
    </div>
  );
}

export function Kbd({ children }: { children: ReactNode }) {
  return <kbd className={classes.kbd}>{children}</kbd>;
}

const faces = ["computed", "asked", "written", "made", "looked"] as const;

/** A person as initials on a colour of their own; `beside` their written name it is silent. */
export function Face({ name, size = 22, beside = false }: { name: string; size?: number; beside?: boolean }) {
  const words = name.trim().split(/\s+/u);
  const cjk = /^\p{Script=Han}/u.test(name);
  const initials = cjk ? [...name][0] : [words[0], words.length > 1 ? words.at(-1) : undefined].map((w) => [...(w ?? "")][0] ?? "").join("");
  const hue = faces[[...name].reduce((sum, c) => sum + (c.codePointAt(0) ?? 0), 0) % faces.length];
  return (
    <span className={classes.face} data-origin={hue} title={name} style={{ inlineSize: size, blockSize: size }}>
      <span aria-hidden>{initials?.toLocaleUpperCase()}</span>
      {!beside && <span className="visually-hidden">{name}</span>}
    </span>
  );
}

export function Logo({ size = 22 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" className={classes.logo} aria-hidden>
      <path d="M3 9V5a2 2 0 0 1 2-2h5" />
      <path d="M21 15v4a2 2 0 0 1-2 2h-5" />
      <rect x="7" y="7" width="10" height="10" rx="1.5" />
    </svg>
  );
}

/** A bar that fills; its words say the same to those who do not see it. */
export function Progress({ value, label }: { value: number | null; label: string }) {
  const percent = value === null ? undefined : Math.round(Math.min(1, Math.max(0, value)) * 100);
  return (
    <div
      className={classes.progress}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      aria-valuetext={label}
      data-unknown={value === null || undefined}
    >
      <span style={{ inlineSize: `${percent ?? 30}%` }} />
    </div>
  );
}
