// The document's name: it is no part of the template, so undo leaves it alone, and it is changed at once.

import { useMutation, useQueryClient } from "@tanstack/react-query";

import { keys } from "~/lib/queries";
import { errorLine, isGone } from "~/ui/Problem";
import { say } from "~/ui/Toasts";
import { getDocument, renameDocument } from "./api";
import type { DocumentInfo, TemplateDraft } from "./api";

/** What the editor was opened with. */
export const openingKey = (id: string) => [...keys.document(id), "opening"];

/** Changes the name, and takes over what others called the document meanwhile. */
export function useName(id: string) {
  const client = useQueryClient();
  const take = async ({ name }: DocumentInfo) => {
    client.setQueryData<[DocumentInfo, TemplateDraft]>(openingKey(id), (before) => before && [{ ...before[0], name }, before[1]]);
    await client.invalidateQueries({ queryKey: keys.documents });
  };
  const rename = useMutation({ mutationFn: (name: string) => renameDocument(id, name), onSuccess: take, onError: (error) => void errorLine(error).then((line) => say(line)) });
  /** False where there is no such document any more. */
  const reread = () => getDocument(id).then(take).then(() => true, (error: unknown) => !isGone(error));
  return { rename: rename.mutateAsync, reread };
}
