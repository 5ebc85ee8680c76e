/** The number in what a number field tells; none while what stands there is none yet, such as a lone "-". */
export function typedNumber(told: number | string): number | undefined {
  const number = told === "" ? NaN : Number(told);
  return Number.isFinite(number) ? number : undefined;
}
