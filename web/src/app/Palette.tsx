import { Modal, useMantineColorScheme } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Activity, CircleQuestionMark, Cpu, FileText, Keyboard, Languages, LogOut, type LucideIcon, Moon, Play, Plus, Search, Settings, Sun, Table2, Workflow } from "lucide-react";
import { useId, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { currentLanguage, languageNames, languages, setLanguage } from "~/i18n/i18n";
import { useCommandsHere } from "~/lib/commands";
import { fuzzy } from "~/lib/fuzzy";
import { keys } from "~/lib/queries";
import { useSignOut } from "~/lib/session";
import { sections } from "~/lib/settings-sections";
import { useFocusBack } from "~/ui/focus";
import { Kbd } from "~/ui/Page";
import classes from "./Palette.module.css";

interface Entry {
  id: string;
  group: "go" | "do" | "workflows" | "runs" | "settings";
  label: string;
  meta?: string;
  shortcut?: string;
  icon: LucideIcon;
  href?: string;
  run?: () => void;
}

const RECENT = "formwork-palette-recent";

function recent(): string[] {
  try {
    return JSON.parse(localStorage.getItem(RECENT) ?? "[]") as string[];
  } catch {
    return [];
  }
}

function useEntries(showKeys: () => void): Entry[] {
  const { t } = useTranslation();
  const workflows = useQuery({ queryKey: keys.workflows, queryFn: () => ask(api.GET("/api/workflows")) });
  const runs = useQuery({ queryKey: [...keys.runs, "newest"], queryFn: () => ask(api.GET("/api/runs")) });
  const here = useCommandsHere();
  const { setColorScheme } = useMantineColorScheme();
  const dark = document.documentElement.dataset.mantineColorScheme === "dark";
  const signOut = useSignOut();
  return useMemo(
    () => [
      { id: "workflows", group: "go", label: t("nav.workflows"), icon: Workflow, href: "/workflows", shortcut: "G W" },
      { id: "runs", group: "go", label: t("nav.runs"), icon: Activity, href: "/runs", shortcut: "G R" },
      { id: "deliveries", group: "go", label: t("runs.tabs.deliveries"), icon: Activity, href: "/deliveries" },
      { id: "documents", group: "go", label: t("nav.documents"), icon: FileText, href: "/documents", shortcut: "G D" },
      { id: "tables", group: "go", label: t("nav.tables"), icon: Table2, href: "/tables", shortcut: "G T" },
      { id: "models", group: "go", label: t("nav.models"), icon: Cpu, href: "/models", shortcut: "G M" },
      { id: "settings", group: "go", label: t("nav.settings"), icon: Settings, href: "/settings" },
      { id: "help", group: "go", label: t("nav.help"), icon: CircleQuestionMark, href: "/help" },
      ...here.map((command): Entry => ({ ...command, group: "do", icon: Play })),
      { id: "new", group: "do", label: t("workflows.new"), icon: Plus, href: "/workflows?new=true", shortcut: "N" },
      { id: "keys", group: "do", label: t("keys.title"), icon: Keyboard, run: showKeys, shortcut: "?" },
      { id: "theme", group: "do", label: t(dark ? "palette.light" : "palette.dark"), icon: dark ? Sun : Moon, run: () => setColorScheme(dark ? "light" : "dark") },
      ...languages
        .filter((language) => language !== currentLanguage())
        .map((language): Entry => ({ id: language, group: "do", label: languageNames[language], meta: t("person.language"), icon: Languages, run: () => void setLanguage(language) })),
      { id: "sign-out", group: "do", label: t("person.sign_out"), icon: LogOut, run: signOut },
      ...(workflows.data?.items ?? []).map(
        (item): Entry => ({ id: item.id, group: "workflows", label: item.name, meta: `/f/${item.slug}`, icon: Workflow, href: `/workflows/${item.id}` }),
      ),
      ...(runs.data?.items ?? []).map(
        (item): Entry => ({ id: item.id, group: "runs", label: item.title ?? t("runs.untitled"), meta: item.workflow.name, icon: Activity, href: `/runs/${item.id}` }),
      ),
      ...sections.map(
        (section): Entry => ({ id: `settings-${section}`, group: "settings", label: t(`settings.${section}.title`), icon: Settings, href: `/settings/${section}` }),
      ),
    ],
    [t, workflows.data, runs.data, showKeys, here, dark, setColorScheme, signOut],
  );
}

export default function Palette({ close, showKeys }: { close: () => void; showKeys: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const listId = useId();
  useFocusBack();
  const entries = useEntries(showKeys);
  const shown = useMemo(() => {
    const used = recent();
    const rank = (entry: Entry) => {
      const position = used.indexOf(entry.id);
      return position === -1 ? 0 : (20 - position) / 4;
    };
    const found = entries
      .map((entry) => ({ entry, score: fuzzy(text, `${entry.label} ${entry.meta ?? ""}`) }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score + rank(b.entry) - a.score - rank(a.entry))
      .slice(0, 40)
      .map(({ entry }) => entry);
    // Groups keep the order of their best entry; text without words keeps the order in which they are listed.
    const order = text === "" ? ["go", "do", "workflows", "runs", "settings"] : [...new Set(found.map((entry) => entry.group))];
    return order.flatMap((group) => found.filter((entry) => entry.group === group).slice(0, text === "" ? 7 : 12));
  }, [entries, text]);
  const current = shown[Math.min(at, shown.length - 1)];

  const act = (entry: Entry, apart: boolean) => {
    localStorage.setItem(RECENT, JSON.stringify([entry.id, ...recent().filter((id) => id !== entry.id)].slice(0, 20)));
    close();
    if (entry.run !== undefined) entry.run();
    else if (entry.href !== undefined && apart) window.open(entry.href, "_blank", "noopener");
    else if (entry.href !== undefined) void navigate({ href: entry.href });
  };

  return (
    <Modal.Root opened onClose={close} padding={0} size={600} yOffset="14vh" centered={false}>
      <Modal.Overlay backgroundOpacity={0.25} />
      <Modal.Content aria-label={t("palette.label")}>
      <div className={classes.top}>
        <Search size={17} strokeWidth={1.75} aria-hidden />
        <input
          data-autofocus
          role="combobox"
          aria-expanded
          aria-controls={listId}
          aria-activedescendant={current === undefined ? undefined : `${listId}-${current.id}`}
          aria-label={t("nav.search")}
          placeholder={t("nav.search")}
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={(event) => {
            if (event.key === "ArrowDown") setAt(Math.min(at + 1, shown.length - 1));
            else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
            else if (event.key === "Enter" && current !== undefined) act(current, event.ctrlKey || event.metaKey);
            else return;
            event.preventDefault();
          }}
        />
        <Kbd>Esc</Kbd>
      </div>
      <ul className={classes.list} role="listbox" id={listId} aria-label={t("palette.label")}>
        {shown.map((entry, index) => (
          <li key={entry.id} role="presentation">
            {shown[index - 1]?.group !== entry.group && (
              <div className={classes.group} aria-hidden>
                {t(`palette.${entry.group}`)}
              </div>
            )}
            <div
              id={`${listId}-${entry.id}`}
              role="option"
              aria-selected={entry === current}
              className={classes.entry}
              ref={(element) => {
                if (entry === current) element?.scrollIntoView({ block: "nearest" });
              }}
              onMouseMove={() => setAt(index)}
              onClick={(event) => act(entry, event.ctrlKey || event.metaKey)}
            >
              <entry.icon size={16} strokeWidth={1.75} aria-hidden />
              <span className={classes.label}>{entry.label}</span>
              <span className={classes.meta}>{entry.meta}</span>
              {entry.shortcut?.split(" ").map((key) => <Kbd key={key}>{key}</Kbd>)}
            </div>
          </li>
        ))}
        {shown.length === 0 && <li className={classes.none}>{t("palette.none")}</li>}
      </ul>
      </Modal.Content>
    </Modal.Root>
  );
}
