import i18next from "i18next";
import ICU from "i18next-icu";
import { initReactI18next } from "react-i18next";

export const languages = ["en", "zh-CN"] as const;
export type Language = (typeof languages)[number];

/** Each language in its own words, for the language menu. */
export const languageNames: Record<Language, string> = { en: "English", "zh-CN": "简体中文" };

const STORED = "formwork-language";

type Messages = Record<string, unknown>;
const app: Record<Language, () => Promise<{ default: Messages }>> = {
  en: () => import("./en.json"),
  "zh-CN": () => import("./zh-CN.json"),
};

/** Message files that lazy parts add for themselves, by namespace. */
const added = new Map<string, { loaders: Record<Language, () => Promise<{ default: Messages }>>; here: Promise<void> }>();

export function guessLanguage(): Language {
  const stored = localStorage.getItem(STORED);
  if (stored === "en" || stored === "zh-CN") return stored;
  return navigator.languages.some((tag) => tag.startsWith("zh")) && !navigator.languages[0]?.startsWith("en") ? "zh-CN" : "en";
}

async function load(language: Language) {
  const bundle = await app[language]();
  i18next.addResourceBundle(language, "app", bundle.default, true, true);
  for (const [namespace, { loaders }] of added) {
    const more = await loaders[language]();
    i18next.addResourceBundle(language, namespace, more.default, true, true);
  }
}

export async function startLanguage(): Promise<void> {
  const language = guessLanguage();
  await i18next
    .use(ICU)
    .use(initReactI18next)
    .init({
      lng: language,
      fallbackLng: false,
      ns: ["app"],
      defaultNS: "app",
      keySeparator: ".",
      resources: {},
      partialBundledLanguages: true,
      interpolation: { escapeValue: false },
      returnNull: false,
      react: { useSuspense: false },
    });
  await load(language);
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
}

/** A lazy chunk brings its own message files: `await addMessages("editor", {...})` before it renders. What did not arrive is asked for again. */
export function addMessages(namespace: string, loaders: Record<Language, () => Promise<{ default: Messages }>>): Promise<void> {
  const known = added.get(namespace);
  if (known !== undefined) return known.here;
  const language = currentLanguage();
  const here = loaders[language]().then((bundle) => {
    i18next.addResourceBundle(language, namespace, bundle.default, true, true);
  });
  added.set(namespace, { loaders, here });
  here.catch(() => added.delete(namespace));
  return here;
}

export function currentLanguage(): Language {
  return i18next.language === "zh-CN" ? "zh-CN" : "en";
}

export async function setLanguage(language: Language): Promise<void> {
  localStorage.setItem(STORED, language);
  await load(language);
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
}
