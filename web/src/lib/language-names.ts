/* What languages are called in their own words. */
import { languageNames } from "~/i18n/i18n";

export function nameOfLanguage(tag: string): string {
  if (tag in languageNames) return languageNames[tag as keyof typeof languageNames];
  return new Intl.DisplayNames(tag, { type: "language" }).of(tag) ?? tag;
}
