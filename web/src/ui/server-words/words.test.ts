import i18next from "i18next";
import ICU from "i18next-icu";
import { IntlMessageFormat } from "intl-messageformat";
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import enFailures from "./failures/i18n/en.json";
import zhFailures from "./failures/i18n/zh-CN.json";
import en from "./i18n/en.json";
import zh from "./i18n/zh-CN.json";
import { errorPart, problemText, stepErrorText, warningText } from "./words";

const SERVER = "../server";

/** Every Rust source but the tests. */
const sources = readdirSync(SERVER, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".rs") && !/(^|\/)(tests?|testing)(\/|\.rs$)|_tests\.rs$/.test(path))
  .map((path) => ({ path, text: readFileSync(`${SERVER}/${path}`, "utf8").split(/#\[cfg\(test\)\]\s*mod tests \{/)[0] ?? "" }));

type Found = [code: string, path: string];

/** The codes that these calls name, each with its file. */
function codes(calls: RegExp, within = /./): Found[] {
  return sources
    .filter(({ path }) => within.test(path))
    .flatMap(({ path, text }) => [...text.matchAll(calls)].map((call): Found => [call.slice(1).find((code) => code !== undefined) ?? "", path]));
}

/** What can be wrong with a document's template: a place and a code, or a member and a code. */
const templateCodes = [
  ...codes(/\.problem(?:_with)?\(\s*(?:&format!\("[^"]*"(?:,[^)]*)?\)|"[^"]*"|&?[\w.]+(?:\([^)]*\))?),\s*"([a-z_]+)"/g, /document\/src\/template\//),
  ...codes(/\bwrong\(\s*(?:"[^"]*"|&\w+),\s*"([a-z_]+)"/g, /document\/src\/template\//),
];

function without(texts: object, found: Found[], except: string[] = []): string[] {
  return found.filter(([code]) => !(code in texts) && !except.includes(code)).map(([code, path]) => `${code} (${path})`);
}

/** Only programs meet these: the web asks for nothing of the kind. */
const FOR_PROGRAMS = [
  "credential_gone", "not_proven", "callback_early", "callback_over", "callback_used",
  "bad_idempotency_key", "idempotency_key_reused", "inexact_number", "wrong_idempotency_key", "idempotency_key_length", "malformed_json", "method_not_allowed", "nul_character", "unsupported_media_type",
  "too_many_topics", "unknown_topic", "wrong_cursor", "wrong_query", "pinned_invalid", "two_sources", "template_missing",
];
/** Said on the form's own pages, which have texts of their own. */
const FOR_VISITORS = ["file_declined", "file_missing", "form_closed", "ticket_unknown", "upload_gone", "upload_quota"];
/** The screens have words of their own for these. */
const TOLD_OTHERWISE = ["internal", "invalid", "problems", "refused", "superseded"];

const both = (opening: typeof en, failures: typeof enFailures) => ({ ...opening, ...failures, problem: { ...opening.problem, ...failures.problem } });

describe.each([["en", en, enFailures], ["zh-CN", zh, zhFailures]] as const)("in %s", (language, opening, failures) => {
  const texts = both(opening, failures);

  test("every problem has a text", () => {
    const found = [
      ...codes(/\bProblem::(?:error|warning)\(\s*"([a-z_]+)"/g),
      ...templateCodes,
      // Words of the rules of e-invoices.
      ...codes(/^ {8}"([a-z]+_[a-z_]+)",$/gm, /einvoice\/src\/rules\.rs/),
      // Where a helper takes the code.
      ...codes(/\b(?:self\.error\([^;]*?|problem\(\s*field,\s*)"([a-z_]+)",/g, /engine\/src\/form\//),
      ...codes(/"(config_[a-z_]+)"/g, /engine\/src\/schema\.rs/),
      ...codes(/\badd\(\s*"([a-z_]+)"|"(too_many_[a-z]+)"/g, /engine\/src\/graph\.rs/),
      ...codes(/\bself\.report\(\s*"([a-z_]+)"/g, /engine\/src\/expression\//),
      ...codes(/=> "(expression_[a-z_]+)"/g, /engine\/src\/expression\.rs/),
      ...codes(/\bwrong\(\s*(?:pointer|"[^"]*"),\s*"([a-z_]+)"/g, /routes\/firm\.rs/),
      ...codes(/\bApiError::invalid\(\s*"([a-z_]+)"|\bStoreError::invalid\(\s*"([a-z_]+)"|\brefuse\(\s*"([a-z_]+)"/g),
    ];
    expect(found.length).toBeGreaterThan(100);
    expect(new Set(templateCodes.map(([code]) => code)).size).toBeGreaterThan(40);
    expect(without(texts.problem, found, [...FOR_PROGRAMS, ...FOR_VISITORS])).toEqual([]);
  });

  test("what a check finds in a workflow or a document has its text when an editor opens", () => {
    const found = codes(/\bProblem::(?:error|warning)\(\s*"([a-z_]+)"/g, /^(engine|nodes|document)\//).concat(templateCodes);
    expect(found.length).toBeGreaterThan(100);
    expect(without(opening.problem, found)).toEqual([]);
  });

  test("every answer of the API that a person can meet has its three parts", () => {
    const found = codes(/\b(?:ApiError|Self)::(?:new\(\s*(?:StatusCode::\w+|status),|bad_request\(|forbidden\()\s*"([a-z_]+)"|\bStoreError::conflict\(\s*"([a-z_]+)"/g);
    expect(found.length).toBeGreaterThan(40);
    expect(without(texts.error, found, [...FOR_PROGRAMS, ...FOR_VISITORS, ...TOLD_OTHERWISE])).toEqual([]);
    expect(Object.entries(texts.error).filter(([, parts]) => Object.keys(parts).join() !== "what,why,fix")).toEqual([]);
  });

  test("every error of a step, delivery or model has a text, and every text an error", () => {
    const found = [
      ...codes(/\b(?:StepError::new|Failure::new|failed|NodeError::(?:config|retryable))\(\s*"([a-z_]+)"/g),
      // Where a helper takes the code.
      ...codes(/\btold\(\s*"([a-z_]+)"/g, /store\/src\/call\.rs/),
      ...codes(/=> "([a-z_]+)"/g, /outbound\/src\/lib\.rs/),
      ...codes(/=> "(document_[a-z_]+)"/g, /document\/src\/context\.rs/),
      ...codes(/=> "(expression_[a-z_]+)"/g, /engine\/src\/expression\.rs/),
    ];
    expect(without(texts.stepError, found)).toEqual([]);
    expect(without(Object.fromEntries(found), Object.keys(texts.stepError).map((code) => [code, language]))).toEqual([]);
  });

  test("every warning has a text, and every text a warning", () => {
    const found = codes(/\bWarning::new\(\s*"([a-z_]+)",/g);
    // Nowhere else does a code come about. Problems of e-invoices, which have texts as problems, are handed on as warnings.
    const unseen = codes(/\bWarning::new\((?!\s*"[a-z_]+",)\s*([^,]*)/g);
    expect(unseen).toEqual([["&problem.code", "nodes/src/einvoice_make.rs"]]);
    expect(new Set(found.map(([code]) => code)).size).toBeGreaterThan(50);
    expect(without(texts.warning, found)).toEqual([]);
    expect(without(Object.fromEntries(found), Object.keys(texts.warning).map((code) => [code, language]))).toEqual([]);
  });

  test("warnings are told in the language", () => {
    const letters = { en: /^[\p{Script=Latin}\p{Script=Common}]*$/u, "zh-CN": /\p{Script=Han}/u }[language];
    for (const [code, text] of Object.entries(texts.warning)) expect(text, code).toMatch(letters);
  });

  test("texts of errors and warnings show only values that the server sends", () => {
    const sent = Object.fromEntries(codes(/\.with\(\s*"([a-z0-9_]+)"/g).map(([name]) => [name, 1]));
    for (const text of [...Object.values(texts.stepError), ...Object.values(texts.warning)]) {
      expect(() => new IntlMessageFormat(text, language).format(sent), text).not.toThrow();
    }
  });

  test("every kind of value and every way not to fit has a word", () => {
    const found = [
      ...codes(/Self::\w+(?:\(_\))? => "(an? [a-z ]+)"/g, /engine\/src\/value\.rs/),
      ...codes(/Self::\w+ => "([a-z ]+)"/g, /document\/src\/context\.rs/),
      ...codes(/"(the [\w ]+)"[,)]/g, /document\/src\/payment/),
      ...codes(/\bself\.wrong\(\s*"([a-z_]+)"|code: "([a-z_]+)"\.into\(\)/g, /engine\/src\/value\.rs/),
    ].map(([word, path]): Found => [word.replaceAll(" ", "_"), path]);
    expect(found.length).toBeGreaterThan(25);
    expect(without(texts.word, found)).toEqual([]);
  });
});

describe("texts in the reader's language", () => {
  beforeAll(() => i18next.use(ICU).init({ lng: "zh-CN", fallbackLng: false, resources: { "zh-CN": { server: zh, failures: zhFailures } } }));

  const check = (code: string, params: unknown, expected: string) => expect(problemText({ code, params, message: "In English." })).toBe(expected);

  test("take the server's values", () => {
    check("way_without_rule", { way: "急件" }, "分支“急件”没有规则。");
    check("unknown_reference", { path: "form.nam", close: "form.name", span: [0, 4] }, "这里没有值“form.nam”。是否想写“form.name”？");
    check("unknown_reference", { path: "form.nam", close: null }, "这里没有值“form.nam”。");
    check("config_out_of_range", { least: 1, most: null }, "不能小于 1。");
    check("config_out_of_range", { least: 1, most: 20 }, "应在 1 到 20 之间。");
    check("config_wrong_kind", { expected: "a whole number" }, "这里应为整数。");
    check("config_not_an_option", { options: ["all", "any"], close: null }, "必须是以下之一：all, any。");
    check("wrong_type", { expected: "a list of blocks" }, "这里应为块的列表。");
    check("out_of_range", { least: "0.5", most: "9", whole: null }, "应为 0.5 到 9 之间的数字。");
    check("missing", { why: "computed" }, "请填写此字段的计算方式。");
    check("missing", { why: null }, "这里必须填写。");
    check("field_source", { kind: "an amount of money" }, "模型从不填写金额。请选择由谁填写。");
    check("field_kind_differs", { title: "合计", place: null, kind: "a date", other: "an amount of money" }, "“合计”需要金额，而这是日期。");
  });

  test("tell of failed steps and warnings", () => {
    const failed = (code: string, params: object) => stepErrorText({ code, params, message: "In English." });
    expect(failed("http_status", { host: "api.example", status: 404, said: null, cause: "address" })).toBe("api.example 拒绝了请求，状态码 404。请检查地址。");
    expect(failed("expression_empty", { path: "form.total", within: "Total" })).toBe("“Total”：“form.total”为空，也没有默认值。");
    expect(failed("not_comparable", { kind: "a yes or no", other: "a date" })).toBe("无法比较：是或否不能与日期相比。");
    expect(failed("not_comparable", { kind: "a yes or no", other: "a date", entry: 3, within: "Total" })).toBe("“Total”：第 3 项：无法比较：是或否不能与日期相比。");
    const cells = [
      { code: "cell_missing", params: { row: 3, column: "客户" }, message: "In English." },
      { code: "cell_unreadable", params: { row: 4, column: "金额", content: "abc", mismatch: "wrong_kind", kind: "an amount of money" }, message: "In English." },
    ];
    expect(failed("cells_do_not_fit", { count: 4, more: 2, cells })).toBe("文件未读取。第 3 行“客户”为空。 第 4 行“金额”：“abc”类型不对，应为金额。另有 2 处。请更正文件，或修改此步骤的列。");
    const warnings = [
      { code: "value_missing", params: { path: "total", page: 1 }, message: "In English.", location: "sum" },
      { code: "missing_glyph", params: { letters: "ꙮ" }, message: "In English.", location: "" },
    ];
    expect(failed("document_warnings", { document: "发票", warnings, more: 0 })).toBe(
      `没有用“发票”生成 PDF，因为此工作流遇到提醒就停止。${warnings.map(warningText).join(" ")}请更正文档或它的值，或让工作流在有提醒时继续。`,
    );
    expect(failed("wrong_value", { title: "Total", place: "lines.0", mismatch: "wrong_kind", reason: "a text is not a number" })).toBe(
      "“Total”（lines.0）类型不对：a text is not a number。",
    );
    const problems = [{ code: "einvoice_city_missing", params: { rule: "BR-DE-8", within: "Buyer city" }, message: "In English." }];
    expect(failed("einvoice_invalid", { problems, more: 2 })).toBe("未生成电子发票。“Buyer city”：缺少城市。另有 2 项。");
    expect(warningText({ code: "einvoice_delivery_date", params: {}, message: "In English.", location: "/delivery/date" })).toBe("请说明何时交付或完成：某一天或一段时间。");
    expect(warningText({ code: "image_missing", params: { name: "beach.jpg" }, message: "In English." })).toBe("找不到图片“beach.jpg”。");
  });

  test("give way to the server's own where a value or the text is missing", () => {
    check("way_without_rule", {}, "In English.");
    check("way_without_rule", null, "In English.");
    check("brand_new", {}, "In English.");
    expect(stepErrorText({ code: "http_status", message: "In English." })).toBe("In English.");
    expect(stepErrorText({ code: "", params: {}, message: "In English." })).toBe("In English.");
    expect(errorPart("brand_new", "what")).toBeUndefined();
  });
});
