import { TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useLocation, useParams } from "@tanstack/react-router";
import { ChevronLeft, ChevronRight, Search } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { currentLanguage } from "~/i18n/i18n";
import { useKeys } from "~/lib/keyboard";
import { useTitle } from "~/lib/title";
import { Loading, Page } from "~/ui/Page";
import classes from "./Help.module.css";
import { HelpText } from "./HelpText";
import { sectionsOf } from "./markdown";
import { helpPages, isHelpPage, readAll, search } from "./pages";

/** The user's help: all pages at the left, one of them in the middle, search over all of them. */
export function HelpPage() {
  const { t } = useTranslation();
  const params = useParams({ strict: false });
  const { hash } = useLocation();
  const asked = params.page ?? "";
  const name = isHelpPage(asked) ? asked : "first-document";
  const [typed, setTyped] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const language = currentLanguage();
  const pages = useQuery({ queryKey: ["help", language], queryFn: () => readAll(language), staleTime: Infinity });
  const page = pages.data?.find((one) => one.name === name);
  const titleOf = (one: string) => sectionsOf(pages.data?.find((entry) => entry.name === one)?.text ?? "")[0]?.heading ?? "";
  useTitle(page === undefined ? t("nav.help") : titleOf(name));
  useKeys({ "/": () => field.current?.focus() });
  useEffect(() => {
    if (page === undefined) return;
    const target = hash === "" ? null : document.getElementById(decodeURIComponent(hash));
    if (target === null) document.getElementById("main")?.scrollTo(0, 0);
    else target.scrollIntoView();
    target?.focus({ preventScroll: true });
  }, [page, hash]);
  const at = helpPages.indexOf(name);
  const [before, after] = [helpPages[at - 1], helpPages[at + 1]];
  return (
    <Page title={t("nav.help")}>
      <div className={classes.columns}>
        <div className={classes.side}>
          <TextInput
            ref={field}
            type="search"
            leftSection={<Search size={15} strokeWidth={1.75} />}
            placeholder={t("help.search")}
            aria-label={t("help.search")}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            onKeyDown={(event) => event.key === "Escape" && setTyped("")}
          />
          <nav aria-label={t("help.pages")} className={classes.nav}>
            {pages.data !== undefined &&
              helpPages.map((one) => (
                <Link key={one} to="/help/$page" params={{ page: one }} aria-current={one === name && typed === "" ? "page" : undefined} onClick={() => setTyped("")}>
                  {titleOf(one)}
                </Link>
              ))}
          </nav>
        </div>
        {page === undefined || pages.data === undefined ? (
          <Loading />
        ) : typed.trim() !== "" ? (
          <Hits hits={search(pages.data, typed)} chosen={() => setTyped("")} />
        ) : (
          <article className={classes.article} lang={page.language}>
            {page.language !== language && <p className={classes.note}>{t("help.english_only")}</p>}
            <HelpText key={name} text={page.text} />
            <nav className={classes.turn} aria-label={t("help.turn")} lang={language}>
              {before !== undefined && (
                <Link to="/help/$page" params={{ page: before }} className="link">
                  <ChevronLeft size={15} aria-hidden />
                  {titleOf(before)}
                </Link>
              )}
              <span className={classes.space} />
              {after !== undefined && (
                <Link to="/help/$page" params={{ page: after }} className="link">
                  {titleOf(after)}
                  <ChevronRight size={15} aria-hidden />
                </Link>
              )}
            </nav>
          </article>
        )}
      </div>
    </Page>
  );
}

function Hits({ hits, chosen }: { hits: ReturnType<typeof search>; chosen: () => void }) {
  const { t } = useTranslation();
  return (
    <section className={classes.article} aria-label={t("help.found_label")}>
      <p role="status">{t("help.found", { count: hits.length })}</p>
      <ul className={classes.hits}>
        {hits.map((hit) => (
          <li key={`${hit.page}-${hit.anchor}`}>
            <Link to="/help/$page" params={{ page: hit.page }} hash={hit.anchor} className="link" onClick={chosen}>
              {hit.heading}
            </Link>
            {hit.heading !== hit.pageTitle && <span className={classes.where}>{hit.pageTitle}</span>}
            <p>{hit.excerpt}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}
