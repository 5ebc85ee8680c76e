import { Menu, useMantineColorScheme } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { CircleQuestionMark, LogOut, Monitor, Moon, Sun } from "lucide-react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { currentLanguage, languageNames, languages, setLanguage } from "~/i18n/i18n";
import { useSession, useSignOut } from "~/lib/session";

export default function PersonItems() {
  const { t } = useTranslation();
  const { member } = useSession();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const signOut = useSignOut();
  const themes = [
    ["auto", Monitor],
    ["light", Sun],
    ["dark", Moon],
  ] as const;
  return (
    <>
      <Menu.Label>{member.email}</Menu.Label>
      <Menu.Divider />
      <Menu.Label>{t("person.theme")}</Menu.Label>
      <Menu.RadioGroup value={colorScheme} onChange={(name) => setColorScheme(themes.find(([one]) => one === name)?.[0] ?? "auto")}>
        {themes.map(([name, Icon]) => (
          <Menu.RadioItem key={name} value={name} rightSection={<Icon size={15} strokeWidth={1.75} />}>
            {t(`person.themes.${name}`)}
          </Menu.RadioItem>
        ))}
      </Menu.RadioGroup>
      <Menu.Divider />
      <Menu.Label>{t("person.language")}</Menu.Label>
      <Menu.RadioGroup
        value={currentLanguage()}
        onChange={(name) => {
          const language = languages.find((one) => one === name) ?? "en";
          void setLanguage(language);
          void ask(api.PATCH("/api/members/{id}", { params: { path: { id: member.id } }, body: { locale: language } })).catch(() => undefined);
        }}
      >
        {languages.map((language) => (
          <Menu.RadioItem key={language} value={language} lang={language}>
            {languageNames[language]}
          </Menu.RadioItem>
        ))}
      </Menu.RadioGroup>
      <Menu.Divider />
      <Menu.Item component={Link} to="/help" leftSection={<CircleQuestionMark size={15} strokeWidth={1.75} />}>
        {t("nav.help")}
      </Menu.Item>
      <Menu.Item leftSection={<LogOut size={15} strokeWidth={1.75} />} onClick={signOut}>
        {t("person.sign_out")}
      </Menu.Item>
    </>
  );
}
