import { TextInput } from "@mantine/core";
import { Link, useParams } from "@tanstack/react-router";
import { Building2, CalendarClock, Globe, Hash, Info, KeyRound, type LucideIcon, Lock, Mail, Search, Send, Type, Users } from "lucide-react";
import { type FunctionComponent, lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { addMessages } from "~/i18n/i18n";
import { fuzzy } from "~/lib/fuzzy";
import { isSection, type Section, sections } from "~/lib/settings-sections";
import { OwnersOnly } from "~/ui/OwnersOnly";
import { Loading, Page } from "~/ui/Page";
import { About } from "./About";
import { AccessKeys } from "./AccessKeys";
import { Credentials } from "./Credentials";
import { Endpoints } from "./Endpoints";
import { FirmSettings } from "./FirmSettings";
import { LanguageSettings } from "./LanguageSettings";
import { People } from "./People";
import classes from "./Settings.module.css";

await addMessages("settings", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

const parts: Record<Section, { icon: LucideIcon; Content: FunctionComponent; owners?: boolean }> = {
  firm: { icon: Building2, Content: FirmSettings, owners: true },
  numbers: { icon: Hash, Content: lazy(() => import("../series/SeriesSettings")), owners: true },
  fonts: { icon: Type, Content: lazy(() => import("../fonts/FontSettings")), owners: true },
  people: { icon: Users, Content: People, owners: true },
  endpoints: { icon: Send, Content: Endpoints, owners: true },
  mail: { icon: Mail, Content: lazy(() => import("../mail/MailSettings")), owners: true },
  credentials: { icon: Lock, Content: Credentials, owners: true },
  keys: { icon: KeyRound, Content: AccessKeys, owners: true },
  retention: { icon: CalendarClock, Content: lazy(() => import("../retention/RetentionSettings")), owners: true },
  language: { icon: Globe, Content: LanguageSettings },
  about: { icon: Info, Content: About },
};

/** Sections with a help page of their own. */
const help: Partial<Record<Section, string>> = { endpoints: "deliveries", fonts: "documents", mail: "mail", numbers: "numbers", retention: "retention" };

export function SettingsPage() {
  const { t } = useTranslation("settings");
  const params = useParams({ strict: false });
  const [words, setWords] = useState("");
  const name = params.section ?? "firm";
  const section: Section = isSection(name) ? name : "firm";
  const { Content, owners } = parts[section];
  const shown = sections.filter((entry) => fuzzy(words, `${t(`app:settings.${entry}.title`)} ${t(`app:settings.${entry}.words`)}`) > 0);
  return (
    <Page title={t("app:nav.settings")} help={help[section] ?? "people-and-keys"}>
      <div className={classes.columns}>
        <div className={classes.side}>
          <TextInput
            leftSection={<Search size={15} strokeWidth={1.75} />}
            placeholder={t("search")}
            aria-label={t("search")}
            value={words}
            onChange={(event) => setWords(event.currentTarget.value)}
          />
          <nav aria-label={t("app:nav.settings")} className={classes.nav}>
            {shown.map((entry) => {
              const Icon = parts[entry].icon;
              return (
                <Link key={entry} to="/settings/$section" params={{ section: entry }} aria-current={entry === section ? "page" : undefined}>
                  <Icon size={16} strokeWidth={1.75} aria-hidden />
                  {t(`app:settings.${entry}.title`)}
                </Link>
              );
            })}
          </nav>
        </div>
        <div className={classes.content}>
          <header>
            <h2 className={classes.title}>{t(`app:settings.${section}.title`)}</h2>
            <p className={classes.lead}>{t(`lead.${section}`)}</p>
          </header>
          <Suspense fallback={<Loading lines={4} />}>
            {owners ? (
              <OwnersOnly>
                <Content />
              </OwnersOnly>
            ) : (
              <Content />
            )}
          </Suspense>
        </div>
      </div>
    </Page>
  );
}
