import { Button } from "@mantine/core";
import { Languages } from "lucide-react";
import { lazy, type ReactNode, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { currentLanguage, languageNames } from "~/i18n/i18n";
import { useTitle } from "~/lib/title";
import { useMenuButton } from "~/ui/menu-button";
import { Logo } from "~/ui/Page";
import classes from "./Auth.module.css";

const loadMenu = () => import("./LanguageMenu");
const LanguageMenu = lazy(loadMenu);

/** The quiet page for whoever is not signed in. */
export function AuthFrame({ title, sub, children }: { title: string; sub?: string; children: ReactNode }) {
  const { t } = useTranslation();
  useTitle(title);
  const { target, menu, isWanted } = useMenuButton(loadMenu);
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
        <Button variant="subtle" color="gray" leftSection={<Languages size={15} />} {...target}>
          {languageNames[currentLanguage()]}
        </Button>
        <Suspense>{isWanted && <LanguageMenu menu={menu} />}</Suspense>
      </div>
    </main>
  );
}
