import type { Model, ModelList } from "~/api/types";

/** Which part of its file has arrived, or null while nobody knows how large it is. */
export function fetched(model: Model): number | null {
  return model.size_bytes === null || model.size_bytes === 0 ? null : (model.done_bytes ?? 0) / model.size_bytes;
}

/** The closer to writing, the further in front. */
const nearest: readonly string[] = ["ready", "asleep", "loading", "downloading", "missing", "failed"];

/** The model that writes when a step names none: the chosen one; as long as none is chosen, whichever is ready first. */
export function writingModel(models: ModelList | undefined): Model | undefined {
  if (models === undefined) return undefined;
  const chosen = models.items.find((model) => model.name === models.default);
  return chosen ?? models.items.toSorted((a, b) => nearest.indexOf(a.state) - nearest.indexOf(b.state))[0];
}
