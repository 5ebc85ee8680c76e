// The browser's checks against the vectors that engine::form passes. Run: node --test server/api/src/public/assets/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { check, compare, readDate, readMoney, readNumber } from "./validate.js";

const file = new URL("../../../../../tests/fixtures/form-vectors.json", import.meta.url);
const { answers } = JSON.parse(readFileSync(file, "utf8"));
const KINDS = ["text", "long_text", "email", "phone", "number", "money", "date"];

const typed = answers.filter(
  (vector) => (vector.source ?? "person") === "person" && KINDS.includes(vector.field.kind) && typeof vector.input === "string",
);

for (const vector of typed) {
  const { field, input, problem, value } = vector;
  test(`${field.kind} ${JSON.stringify(input)} ${vector.locale ?? "en"}`, () => {
    const mark = vector.locale === "de" ? "," : ".";
    const asked = field.kind === "money" ? { ...field, currency: field.currency ?? vector.currency ?? "EUR" } : field;
    assert.deepEqual(check(asked, input, mark), problem ?? null);
    if (problem || value === null) return;
    if (field.kind === "number") assert.equal(compare(readNumber(input.replace(/[%％]$/, ""), mark).number, String(value)), 0);
    if (field.kind === "money") assert.equal(compare(readMoney(input, mark, asked.currency).number, value.amount), 0);
    if (field.kind === "date") assert.equal(readDate(input), value);
  });
}

test("the vectors are not skipped by mistake", () => assert.ok(typed.length > 100));
