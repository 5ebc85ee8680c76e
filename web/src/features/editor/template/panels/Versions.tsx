// All versions of the document: each can be put beside the draft, and made the draft again.

import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { Loading } from "~/ui/Page";
import { ErrorPanel, InlineError } from "~/ui/Problem";
import { getVersions, offline, restoreVersion } from "../api";
import type { VersionRow } from "../api";
import { useTemplateStore } from "../state";
import Changes from "./Changes";
import panels from "~/features/editor/panels/panels.module.css";

export default function Versions({ flush, onClose }: { flush: () => Promise<boolean>; onClose: () => void }) {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const format = useFormat();
  const client = useQueryClient();
  const [open, setOpen] = useState<number | null>(null);
  const versions = useQuery({ queryKey: [...keys.document(store.id), "versions"], queryFn: () => getVersions(store.id) });
  const restore = useMutation({
    mutationFn: async (number: number) => {
      if (!(await flush())) throw offline();
      return restoreVersion(store.id, number, store.get().base.revision);
    },
    onSuccess: async (draft, number) => {
      // The server has it already: nothing is left to be saved.
      store.set({ base: { revision: draft.revision, document: draft.template }, save: "saved", published: draft.published });
      store.replace(draft.template, t("versions.restored", { number }));
      await client.invalidateQueries({ queryKey: keys.documents });
      onClose();
    },
  });
  const row = (version: VersionRow) => (
    <div key={version.number}>
      <div className={panels["version"]}>
        <div>
          <b style={{ fontWeight: 500 }}>{t("versions.number", { number: version.number })}</b>
          <div className={panels["meta"]}>{[format.when(version.created_at), version.created_by].filter(Boolean).join(" · ")}</div>
        </div>
        <Button size="xs" variant="default" aria-expanded={open === version.number} onClick={() => setOpen(open === version.number ? null : version.number)}>{t("versions.compare")}</Button>
        <Button size="xs" variant="default" loading={restore.isPending && restore.variables === version.number} onClick={() => restore.mutate(version.number)}>{t("versions.restore")}</Button>
      </div>
      {open === version.number && <Changes from={version.number} flush={flush} onClose={onClose} />}
    </div>
  );
  return (
    <div className={panels["versions"]}>
      {versions.isPending && <Loading lines={2} />}
      {versions.isError && <ErrorPanel error={versions.error} retry={() => void versions.refetch()} />}
      {restore.isError && <InlineError error={restore.error} />}
      {versions.data?.items.map(row)}
    </div>
  );
}
