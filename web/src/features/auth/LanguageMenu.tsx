import { Menu } from "@mantine/core";
import { languageNames, languages, setLanguage } from "~/i18n/i18n";
import { ButtonMenu } from "~/ui/ButtonMenu";
import type { OfButton } from "~/ui/menu-button";

export default function LanguageMenu({ menu }: { menu: OfButton }) {
  return (
    <ButtonMenu {...menu} position="top">
      {languages.map((language) => (
        <Menu.Item key={language} lang={language} onClick={() => void setLanguage(language)}>
          {languageNames[language]}
        </Menu.Item>
      ))}
    </ButtonMenu>
  );
}
