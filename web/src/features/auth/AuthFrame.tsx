import type { ReactNode } from "react";
import { Menu, Button } from "@mantine/core";
import { Languages } from "lucide-react";
import { currentLanguage, languageNames, languages, setLanguage } from "~/i18n/i18n";
import { useTranslation } from "react-i18next";
import { useTitle } from "~/lib/title";
import { Logo } from "~/ui/Page";
import classes from "./Auth.module.css";

/** The quiet page for whoever is not signed in. */
export function AuthFrame({ title, sub, children }: { title: string; sub?: string; children: ReactNode }) {
  const { t } = useTranslation();
  useTitle(title);
  return (
    <main className={classes.frame}>
      <div className={classes.column}>
        <div className={classes.brand}>
          <Logo size={26} />
          <span translate="no">{t("product")}</span>
        </div>
        <div className={classes.card}>
          <h1>{title}</h1>
          {sub !== undefined && <p className={classes.sub}>{sub}</p>}
          {children}
        </div>
        <Menu position="top">
          <Menu.Target>
            <Button variant="subtle" color="gray" leftSection={<Languages size={15} />}>
              {languageNames[currentLanguage()]}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {languages.map((language) => (
              <Menu.Item key={language} lang={language} onClick={() => void setLanguage(language)}>
                {languageNames[language]}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      </div>
    </main>
  );
}
