/** Languages in which people's files write numbers and dates, with the usual one first where it is another. */
const KNOWN = ["en", "de", "zh-CN", "fr", "es", "it", "nl", "pl"];

export function fileLocales(usual: string): string[] {
  return KNOWN.includes(usual) ? KNOWN : [usual, ...KNOWN];
}
