/* Lists that the browser knows: currencies, time zones, countries, in the person's language. */

const common = ["EUR", "USD", "GBP", "CHF", "CNY", "JPY", "SEK", "NOK", "DKK", "PLN", "CZK", "CAD", "AUD", "INR", "SGD", "HKD"];

const currencyOfRegion: Record<string, string> = {
  US: "USD",
  GB: "GBP",
  CH: "CHF",
  CN: "CNY",
  JP: "JPY",
  SE: "SEK",
  NO: "NOK",
  DK: "DKK",
  PL: "PLN",
  CZ: "CZK",
  CA: "CAD",
  AU: "AUD",
  IN: "INR",
  SG: "SGD",
  HK: "HKD",
  KR: "KRW",
};

export function guessCurrency(): string {
  const region = new Intl.Locale(navigator.language).maximize().region ?? "";
  // Without a region of its own in the language tag "en" means nothing about money.
  const told = new Intl.Locale(navigator.language).region ?? (navigator.language.startsWith("en") ? "" : region);
  return currencyOfRegion[told] ?? "EUR";
}

export function currencies(language: string): { value: string; label: string }[] {
  const names = new Intl.DisplayNames(language, { type: "currency" });
  const all = [...common, ...Intl.supportedValuesOf("currency").filter((code) => !common.includes(code))];
  return all.map((value) => ({ value, label: `${value} · ${names.of(value) ?? value}` }));
}

export function timeZones(): string[] {
  return ["UTC", ...Intl.supportedValuesOf("timeZone")];
}
