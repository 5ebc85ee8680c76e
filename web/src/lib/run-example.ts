/* "Try it": starts an example with its own sample. */
import { api, ask } from "~/api/client";
import type { Example, RunDetail } from "~/api/types";

/** A copy that somebody tried before is used again, so that trying ten times leaves one workflow. */
export async function tryExample(example: Example): Promise<RunDetail> {
  const list = await ask(api.GET("/api/workflows"));
  const before = list.items.find((item) => item.name === example.title && item.state === "draft");
  const workflow =
    before === undefined
      ? await ask(api.POST("/api/workflows", { body: { example: example.name } }))
      : await ask(api.GET("/api/workflows/{id}", { params: { path: { id: before.id } } }));
  return ask(
    api.POST("/api/workflows/{id}/trial-runs", {
      params: { path: { id: workflow.id } },
      body: { revision: workflow.draft.revision, input: workflow.draft.document.samples[0]?.input ?? {} },
    }),
  );
}
