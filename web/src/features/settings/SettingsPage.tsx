import { TextInput } from "@mantine/core";
import { Link, useParams } from "@tanstack/react-router";
import { Building2, Globe, Info, KeyRound, type LucideIcon, Lock, Search, Send, Users } from "lucide-react";
import { type FunctionComponent, useState } from "react";
import { useTranslation } from "react-i18next";
import { fuzzy } from "~/lib/fuzzy";
import { isSection, type Section, sections } from "~/lib/settings-sections";
import { OwnersOnly } from "~/ui/OwnersOnly";
import { Page } from "~/ui/Page";
import { About } from "./About";
import { AccessKeys } from "./AccessKeys";
import { Credentials } from "./Credentials";
import { Endpoints } from "./Endpoints";
import { FirmSettings } from "./FirmSettings";
import { LanguageSettings } from "./LanguageSettings";
import { People } from "./People";
import classes from "./Settings.module.css";

const parts: Record<Section, { icon: LucideIcon; Content: FunctionComponent; owners?: boolean }> = {
  firm: { icon: Building2, Content: FirmSettings, owners: true },
  people: { icon: Users, Content: People, owners: true },
  endpoints: { icon: Send, Content: Endpoints, owners: true },
  credentials: { icon: Lock, Content: Credentials, owners: true },
  keys: { icon: KeyRound, Content: AccessKeys, owners: true },
  language: { icon: Globe, Content: LanguageSettings },
  about: { icon: Info, Content: About },
};

export function SettingsPage() {
  const { t } = useTranslation();
  const params = useParams({ strict: false });
  const [words, setWords] = useState("");
  const name = params.section ?? "firm";
  const section: Section = isSection(name) ? name : "firm";
  const { Content, owners } = parts[section];
  const shown = sections.filter((entry) => fuzzy(words, `${t(`settings.${entry}.title`)} ${t(`settings.${entry}.words`)}`) > 0);
  return (
    <Page title={t("nav.settings")} help={section === "endpoints" ? "deliveries" : "people-and-keys"}>
      <div className={classes.columns}>
        <div className={classes.side}>
          <TextInput
            leftSection={<Search size={15} strokeWidth={1.75} />}
            placeholder={t("settings.search")}
            aria-label={t("settings.search")}
            value={words}
            onChange={(event) => setWords(event.currentTarget.value)}
          />
          <nav aria-label={t("nav.settings")} className={classes.nav}>
            {shown.map((entry) => {
              const Icon = parts[entry].icon;
              return (
                <Link key={entry} to="/settings/$section" params={{ section: entry }} aria-current={entry === section ? "page" : undefined}>
                  <Icon size={16} strokeWidth={1.75} aria-hidden />
                  {t(`settings.${entry}.title`)}
                </Link>
              );
            })}
          </nav>
        </div>
        <div className={classes.content}>
          <header>
            <h2 className={classes.title}>{t(`settings.${section}.title`)}</h2>
            <p className={classes.lead}>{t(`settings.${section}.lead`)}</p>
          </header>
          {owners ? (
            <OwnersOnly>
              <Content />
            </OwnersOnly>
          ) : (
            <Content />
          )}
        </div>
      </div>
    </Page>
  );
}
