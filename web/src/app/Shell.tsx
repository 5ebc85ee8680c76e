import { Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useMatches, useNavigate } from "@tanstack/react-router";
import { Activity, Cpu, Ellipsis, FileText, type LucideIcon, Pause, Search, Settings, Table2, Workflow } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { live, useConnected } from "~/lib/events";
import { useKeys } from "~/lib/keyboard";
import { useLiveQueries } from "~/lib/live-queries";
import { keys } from "~/lib/queries";
import { useSession } from "~/lib/session";
import { Kbd, Logo } from "~/ui/Page";
import { ModelCard } from "./ModelCard";
import { PersonMenu } from "./PersonMenu";
import classes from "./Shell.module.css";

const loadPalette = () => import("./Palette");
const Palette = lazy(loadPalette);
const KeyHelp = lazy(() => import("./keys/KeyHelp"));

const LIVE = ["runs", "models", "deliveries"];

/** Everything around a signed-in screen: navigation, live data, keyboard, palette, the bar for lost connections. */
export function Shell() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const rail = useMatches().some((match) => match.staticData.rail === true);
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  useLiveQueries(LIVE);
  useEffect(() => {
    live.start();
    // The palette is there when somebody types right after opening it, yet no part of the first load.
    const idle = setTimeout(() => void loadPalette(), 2000);
    return () => {
      clearTimeout(idle);
      live.stop();
    };
  }, []);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setPalette((open) => !open);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
  useKeys({
    "g w": () => void navigate({ to: "/workflows" }),
    "g r": () => void navigate({ to: "/runs" }),
    "g d": () => void navigate({ to: "/documents" }),
    "g t": () => void navigate({ to: "/tables" }),
    "g m": () => void navigate({ to: "/models" }),
    "?": () => setHelp(true),
  });
  return (
    <div className={classes.shell} data-rail={rail || undefined} data-opening={palette || help || undefined}>
      <a className={classes.skip} href="#main">
        {t("nav.skip")}
      </a>
      <Navigation rail={rail} openPalette={() => setPalette(true)} />
      <div className={classes.stage}>
        <ConnectionBar />
        <main id="main" className={classes.main} tabIndex={-1}>
          <Outlet />
        </main>
      </div>
      <BottomBar openMore={() => setPalette(true)} />
      <Suspense>
        {palette && <Palette close={() => setPalette(false)} showKeys={() => setHelp(true)} />}
        {help && <KeyHelp close={() => setHelp(false)} />}
      </Suspense>
    </div>
  );
}

function useRunning(): number {
  const running = useQuery({
    queryKey: [...keys.runs, "running"],
    queryFn: () => ask(api.GET("/api/runs", { params: { query: { state: "running" } } })),
  });
  return running.data?.items.length ?? 0;
}

function Navigation({ rail, openPalette }: { rail: boolean; openPalette: () => void }) {
  const { t } = useTranslation();
  const { workspace } = useSession();
  const running = useRunning();
  const mac = navigator.platform.startsWith("Mac");
  return (
    <nav className={classes.nav} aria-label={t("nav.label")}>
      <Link to="/workflows" className={classes.brand}>
        <Logo size={20} />
        <span className={classes.words}>{workspace.name}</span>
      </Link>
      {!rail && (
        <button type="button" className={classes.search} onClick={openPalette} aria-keyshortcuts="Control+K Meta+K">
          <Search size={15} strokeWidth={1.75} aria-hidden />
          <span>{t("nav.search")}</span>
          <Kbd>{mac ? "⌘K" : "Ctrl K"}</Kbd>
        </button>
      )}
      <NavLink to="/workflows" icon={Workflow} label={t("nav.workflows")} rail={rail} />
      <NavLink to="/runs" also="/deliveries" icon={Activity} label={t("nav.runs")} rail={rail} count={running} />
      <NavLink to="/documents" icon={FileText} label={t("nav.documents")} rail={rail} />
      <NavLink to="/tables" icon={Table2} label={t("nav.tables")} rail={rail} />
      <NavLink to="/models" icon={Cpu} label={t("nav.models")} rail={rail} />
      <div className={classes.space} />
      {rail ? (
        <Tooltip label={t("nav.search")} position="right">
          <button type="button" className={classes.item} onClick={openPalette} aria-label={t("nav.search")}>
            <Search size={17} strokeWidth={1.75} aria-hidden />
          </button>
        </Tooltip>
      ) : (
        <ModelCard />
      )}
      <NavLink to="/settings" icon={Settings} label={t("nav.settings")} rail={rail} />
      <PersonMenu />
    </nav>
  );
}

type Target = "/workflows" | "/runs" | "/documents" | "/tables" | "/models" | "/settings";

function NavLink({
  to,
  also,
  icon: Icon,
  label,
  rail,
  count = 0,
}: {
  to: Target;
  also?: string;
  icon: LucideIcon;
  label: string;
  rail: boolean;
  count?: number;
}) {
  const { t } = useTranslation();
  const here = useMatches().some((match) => match.pathname.startsWith(to) || (also !== undefined && match.pathname.startsWith(also)));
  const link = (
    <Link to={to} className={classes.item} aria-current={here ? "page" : undefined}>
      <Icon size={17} strokeWidth={1.75} aria-hidden />
      <span className={classes.words}>{label}</span>
      {count > 0 && (
        <span className={classes.count}>
          <span aria-hidden>{count}</span>
          <span className="visually-hidden">{t("nav.running", { count })}</span>
        </span>
      )}
    </Link>
  );
  return rail ? (
    <Tooltip label={label} position="right">
      {link}
    </Tooltip>
  ) : (
    link
  );
}

function BottomBar({ openMore }: { openMore: () => void }) {
  const { t } = useTranslation();
  return (
    <nav className={classes.bottom} aria-label={t("nav.label")}>
      <Link to="/workflows" className={classes.tab}>
        <Workflow size={20} strokeWidth={1.75} aria-hidden />
        {t("nav.workflows")}
      </Link>
      <Link to="/runs" activeOptions={{ exact: true }} className={classes.tab}>
        <Activity size={20} strokeWidth={1.75} aria-hidden />
        {t("nav.runs")}
      </Link>
      <Link to="/runs/waiting" className={classes.tab}>
        <Pause size={20} strokeWidth={1.75} aria-hidden />
        {t("nav.waiting")}
      </Link>
      <button type="button" className={classes.tab} onClick={openMore}>
        <Ellipsis size={20} strokeWidth={1.75} aria-hidden />
        {t("nav.more")}
      </button>
    </nav>
  );
}

function ConnectionBar() {
  const { t } = useTranslation();
  const connected = useConnected();
  if (connected) return null;
  return (
    <div className={classes.offline} role="status">
      <span>{t("nav.offline")}</span>
      <button type="button" onClick={() => live.retryNow()}>
        {t("nav.try_now")}
      </button>
    </div>
  );
}
