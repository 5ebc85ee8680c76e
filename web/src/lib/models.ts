import type { Model } from "~/api/types";

/** Which part of its file has arrived, or null while nobody knows how large it is. */
export function fetched(model: Model): number | null {
  return model.size_bytes === null || model.size_bytes === 0 ? null : (model.done_bytes ?? 0) / model.size_bytes;
}
