import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { RefObject } from "react";
import { useTranslation } from "react-i18next";
import { api, ApiError, ask } from "~/api/client";
import type { DocumentItem } from "~/api/types";
import { keys } from "~/lib/queries";
import { DeleteDialog } from "~/ui/DeleteDialog";

/** Who came to use it after the list was read. */
function usersOf(error: unknown): DocumentItem["used_by"] | null {
  const current = error instanceof ApiError ? (error.problem.current as { used_by?: DocumentItem["used_by"] } | null | undefined) : null;
  return current?.used_by ?? null;
}

export default function DeleteDocument({ item, button, close }: { item: DocumentItem; button: RefObject<HTMLElement | null>; close: () => void }) {
  const { t } = useTranslation("documents");
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => ask(api.DELETE("/api/documents/{id}", { params: { path: { id: item.id } } })),
    onSuccess: async () => {
      close();
      client.removeQueries({ queryKey: keys.document(item.id) });
      await client.invalidateQueries({ queryKey: keys.documents });
    },
    onError: () => client.invalidateQueries({ queryKey: keys.documents }),
  });
  const users = usersOf(remove.error) ?? item.used_by;
  return (
    <DeleteDialog
      title={t("delete.title", { name: item.name })}
      button={t("delete.button")}
      users={users}
      used={t("delete.used", { count: users.length })}
      busy={remove.isPending}
      error={remove.error}
      remove={() => remove.mutate()}
      close={close}
      back={button}
    >
      <p>{t("delete.what")}</p>
    </DeleteDialog>
  );
}
