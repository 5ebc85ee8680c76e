/** How well letters typed in order fit a text: 0 not at all; starts of words and runs of letters count more. */
export function fuzzy(typed: string, text: string): number {
  const needle = [...typed.toLocaleLowerCase().replace(/\s+/gu, "")];
  if (needle.length === 0) return 1;
  const hay = [...text.toLocaleLowerCase()];
  let score = 0;
  let run = 0;
  let at = 0;
  for (const letter of needle) {
    const found = hay.indexOf(letter, at);
    if (found === -1) return 0;
    const starts = found === 0 || /[\s/_\-.·]/u.test(hay[found - 1] ?? "");
    run = found === at && at > 0 ? run + 1 : 0;
    score += 1 + run * 2 + (starts ? 3 : 0) - Math.min(0.5, (found - at) * 0.05);
    at = found + 1;
  }
  return Math.max(0.1, score / needle.length);
}
