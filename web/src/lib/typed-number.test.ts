import { expect, test } from "vitest";
import { typedNumber } from "./typed-number";

test("what is half typed is no number", () => {
  expect(["", "-", ".", "-.", "12", "1.", "-0.5", 7].map(typedNumber)).toEqual([undefined, undefined, undefined, undefined, 12, 1, -0.5, 7]);
});
