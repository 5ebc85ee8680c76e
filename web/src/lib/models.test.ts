import { expect, it } from "vitest";
import type { Model, ModelList } from "~/api/types";
import { writingModel } from "./models";

const model = (name: string, state: Model["state"]) => ({ name, state }) as Model;
const list = (chosen: string | null, ...items: Model[]): ModelList => ({ items, default: chosen });

it("is the chosen model, else whichever is nearest to writing", () => {
  const missing = model("a", "missing");
  const ready = model("b", "ready");
  expect(writingModel(list(null, missing, ready))).toBe(ready);
  expect(writingModel(list("a", missing, ready))).toBe(missing);
  expect(writingModel(list(null, missing, model("c", "downloading")))?.name).toBe("c");
  expect(writingModel(list(null))).toBeUndefined();
  expect(writingModel(undefined)).toBeUndefined();
});
