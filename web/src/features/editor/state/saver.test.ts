import { expect, test, vi } from "vitest";

import type { Workflow } from "~/lib/document/types";
import { Saver } from "./saver";
import { EditorStore } from "./store";
import { workflowServer } from "./workflowServer";

type Saved = { revision: number; changed_at: string };
const answers: ((saved: Saved) => void)[] = [];
vi.mock("../api", () => ({ putDraft: () => new Promise<Saved>((resolve) => answers.push(resolve)) }));

const document: Workflow = { format: "formwork/1", name: "Invoice", locale: "en", time_zone: "UTC", currency: "EUR", nodes: [], edges: [], samples: [] };
const draft = { revision: 1, document, changed_at: "2027-03-01T09:00:00Z", changed_by: null };

function open() {
  const store = new EditorStore({ id: "w", name: "Invoice", slug: "invoice", state: "draft", form_url: null, live_version: null, draft }, [], localStorage);
  const leave = new Saver(store, workflowServer("w"), { merged: () => "", mergedLabel: "" }).start();
  const rename = (name: string) => store.edit("Name", (before) => ({ ...before, name }));
  return { store, leave, rename };
}

test("an editor that was left keeps nothing over what the next one keeps", async () => {
  const first = open();
  first.rename("First");
  first.leave();
  const second = open();
  expect(second.store.document.name).toBe("First");
  second.rename("Second");
  answers[0]?.({ revision: 2, changed_at: draft.changed_at });
  await vi.waitFor(() => expect(first.store.get().base.revision).toBe(2));
  expect(second.store.kept()?.history.present.name).toBe("Second");
  second.leave();
});
