import { expect, test } from "vitest";
import { partialFields } from "./partial-json";

function check(text: string, expected: [string, unknown, boolean][] | null) {
  expect(partialFields(text)?.map((field) => [field.name, field.value, field.done]) ?? null).toEqual(expected);
}

test("prose is no object", () => check("Dear Ms", null));
test("nothing yet", () => check("{", []));
test("a name alone is no field", () => check('{"ti', []));
test("text that is being written", () => check('{"title":"Three da', [["title", "Three da", false]]));
test("a finished field and an unfinished one", () =>
  check('{"title":"Lisbon","days":[{"heading":"Arri', [
    ["title", "Lisbon", true],
    ["days", [{ heading: "Arri" }], false],
  ]));
test("a cut escape means nothing yet", () => check('{"a":"x\\u00', [["a", "x", false]]));
test("escaped quotes do not end a text", () => check('{"a":"say \\"hi\\"","b":1}', [["a", 'say "hi"', true], ["b", 1, true]]));
test("every cut of a whole object gives the fields before the cut", () => {
  const text = '{"a": "é\\n", "b": [1, {"c": true}], "d": null}';
  for (let end = 0; end <= text.length; end += 1) {
    const fields = partialFields(text.slice(0, end)) ?? [];
    const finished = fields.filter((field) => field.done).map((field) => field.name);
    expect(["a", "b", "d"].slice(0, finished.length)).toEqual(finished);
  }
});
