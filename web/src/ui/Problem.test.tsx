import { cleanup, render, screen } from "@testing-library/react";
import i18next from "i18next";
import ICU from "i18next-icu";
import { initReactI18next } from "react-i18next";
import { afterEach, beforeAll, expect, test } from "vitest";
import { ApiError } from "~/api/client";
import app from "~/i18n/zh-CN.json";
import { errorLine, InlineError, useFieldErrors } from "./Problem";

beforeAll(() => i18next.use(ICU).use(initReactI18next).init({ lng: "zh-CN", fallbackLng: false, defaultNS: "app", resources: { "zh-CN": { app } } }));
afterEach(cleanup);

test("a lost connection is told at once, and before the server's words are here", () => {
  render(<InlineError error={new ApiError({ type: "no_connection", title: "", status: 0 })} />);
  expect(screen.getByRole("alert").textContent).toBe("服务器没有响应。 没有连接，或服务器正在启动。 请稍后重试。");
});

test("what the server refuses is told in the reader's language, once its words have come", async () => {
  render(<InlineError error={new ApiError({ type: "last_owner", title: "Conflict", status: 409, detail: "A workspace has at least one owner." })} />);
  expect(screen.queryByRole("alert")).toBeNull();
  expect((await screen.findByRole("alert")).textContent).toBe("未作更改。 工作区至少需要一位所有者。 请先将其他人设为所有者。");
});

test("problems of what was sent are told one by one, and at their fields", async () => {
  const problem = (code: string, pointer: string, params: Record<string, never> = {}) => ({ severity: "error", code, pointer, message: "In English.", params, node: null });
  const error = new ApiError({
    type: "problems", title: "Unprocessable Entity", status: 422, detail: "Some values cannot be used.",
    problems: [problem("iban_invalid", "/iban"), problem("brand_new", "/name")],
  });
  function Form() {
    const errors = useFieldErrors(error);
    return Object.entries(errors).map(([name, text]) => <p key={name}>{`${name}: ${text}`}</p>);
  }
  render(<Form />);
  await screen.findByText("iban: 这不是有效的 IBAN：缺少数字或数字有误。");
  screen.getByText("name: In English.");
  expect(await errorLine(error)).toBe("未被接受。 这不是有效的 IBAN：缺少数字或数字有误。 In English. 请更正后重试。");
});

test("a fault inside the server is told in general words", async () => {
  expect(await errorLine(new ApiError({ type: "internal", title: "Internal Server Error", status: 500, detail: "In English." }))).toBe(
    "服务器无法完成此操作。 服务器内部出错，已记入日志。 请重试。若仍然出现，请告知服务器管理员。",
  );
});
