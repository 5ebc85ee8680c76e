import { expect, test } from "vitest";
import { formats } from "./format";

const plain = (text: string) => text.replaceAll("\u00a0", " ");
const noon = new Date(2027, 2, 8, 12, 0, 0).getTime();
const at = (ms: number) => new Date(noon - ms).toISOString();

test.each([
  [0, "0 s", "0 秒"],
  [12.4, "12 ms", "12 毫秒"],
  [380, "0.4 s", "0.4 秒"],
  [9960, "10 s", "10 秒"],
  [14_000, "14 s", "14 秒"],
  [59_700, "1 min", "1 分钟"],
  [200_000, "3 min 20 s", "3 分钟 20 秒"],
  [7_500_000, "2 h 5 min", "2 小时 5 分钟"],
  [3 * 86_400_000, "3 d", "3 天"],
])("a duration of %d ms", (ms, en, zh) => {
  expect(plain(formats("en").duration(ms))).toBe(en);
  expect(plain(formats("zh-CN").duration(ms))).toBe(zh);
});

test.each([
  [120_000, "2 min ago", "2 分钟前"],
  [2 * 3_600_000, "today, 10:00", "今天 10:00"],
  [86_400_000, "yesterday", "昨天"],
  [3 * 86_400_000, "5 Mar", "3月5日"],
])("an instant %d ms ago", (ms, en, zh) => {
  expect(plain(formats("en").ago(at(ms), noon))).toBe(en);
  expect(plain(formats("zh-CN").ago(at(ms), noon))).toBe(zh);
});

test("sizes keep number and unit together", () => {
  expect(formats("en").bytes(84_211)).toBe("84\u00a0kB");
  expect(plain(formats("en").bytes(1_117_320_736))).toBe("1.12 GB");
});
