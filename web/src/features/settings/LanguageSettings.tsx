import { SegmentedControl, Switch, useMantineColorScheme } from "@mantine/core";
import { lazy, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { currentLanguage, languageNames, languages, setLanguage } from "~/i18n/i18n";
import { setSingleKeys, singleKeysOn } from "~/lib/keyboard";
import { useSession } from "~/lib/session";
import { Card } from "~/ui/Page";
import classes from "./Settings.module.css";

const FailureMails = lazy(() => import("../mail/FailureMails"));

export function LanguageSettings() {
  const { t } = useTranslation("settings");
  const { member } = useSession();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [single, setSingle] = useState(singleKeysOn);
  return (
    <>
      <Card title={t("app:person.language")}>
        <SegmentedControl
          aria-label={t("app:person.language")}
          value={currentLanguage()}
          data={languages.map((value) => ({ value, label: languageNames[value] }))}
          onChange={(value) => {
            const language = languages.find((one) => one === value) ?? "en";
            void setLanguage(language);
            void ask(api.PATCH("/api/members/{id}", { params: { path: { id: member.id } }, body: { locale: language } })).catch(() => undefined);
          }}
        />
        <p className={classes.small} style={{ marginTop: 8 }}>
          {t("language.three")}
        </p>
      </Card>
      <Card title={t("app:person.theme")}>
        <SegmentedControl
          aria-label={t("app:person.theme")}
          value={colorScheme}
          data={(["auto", "light", "dark"] as const).map((value) => ({ value, label: t(`app:person.themes.${value}`) }))}
          onChange={(value) => setColorScheme(value as "auto" | "light" | "dark")}
        />
      </Card>
      <Card title={t("language.keyboard")}>
        <Switch
          label={t("app:keys.single")}
          checked={single}
          onChange={(event) => {
            setSingle(event.currentTarget.checked);
            setSingleKeys(event.currentTarget.checked);
          }}
        />
      </Card>
      <FailureMails />
    </>
  );
}
