export const sections = ["firm", "numbers", "fonts", "people", "endpoints", "mail", "credentials", "keys", "retention", "language", "about"] as const;
export type Section = (typeof sections)[number];

export function isSection(name: string): name is Section {
  return (sections as readonly string[]).includes(name);
}
