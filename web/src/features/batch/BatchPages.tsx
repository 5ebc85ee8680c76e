// The screens of batches: those of a workflow with the way to a new one, and one batch with its rows.

import { batchWords } from "./words";

await batchWords;

export { BatchPage } from "./BatchPage";
export { BatchesPage } from "./BatchesPage";
