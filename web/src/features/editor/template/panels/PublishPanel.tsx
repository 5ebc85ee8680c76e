// Publishing: what changes, what blocks it; then the new version and its PDF. And the versions, each beside the draft.

import { Button, Modal, Tabs } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, Download } from "lucide-react";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "~/api/client";
import { keys } from "~/lib/queries";
import { Loading } from "~/ui/Page";
import { InlineError } from "~/ui/Problem";
import { getVersions, offline, publishDraft } from "../api";
import { useTemplateState, useTemplateStore } from "../state";
import { usePdf } from "../usePdf";
import { useGoToTrouble, useTroubles } from "./ProblemPanel";
import panels from "~/features/editor/panels/panels.module.css";

const Changes = lazy(() => import("./Changes"));
const Versions = lazy(() => import("./Versions"));

export type PublishTab = "publish" | "versions";

interface Props {
  tab: PublishTab | null;
  onTab: (tab: PublishTab | null) => void;
  name: string;
  flush: () => Promise<boolean>;
}

export function PublishPanel({ tab, onTab, name, flush }: Props) {
  const { t } = useTranslation("template");
  const close = () => onTab(null);
  return (
    <Modal opened={tab !== null} onClose={close} title={t("publish.title")} size="xl" closeButtonProps={{ "aria-label": t("close") }}>
      <Tabs value={tab ?? "publish"} onChange={(next) => onTab((next ?? "publish") as PublishTab)} keepMounted={false}>
        <Tabs.List mb={16}>
          <Tabs.Tab value="publish">{t("publish.title")}</Tabs.Tab>
          <Tabs.Tab value="versions">{t("versions.title")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="publish"><Publish name={name} flush={flush} onClose={close} /></Tabs.Panel>
        <Tabs.Panel value="versions"><Suspense fallback={<Loading lines={2} />}><Versions flush={flush} onClose={close} /></Suspense></Tabs.Panel>
      </Tabs>
    </Modal>
  );
}

function Publish({ name, flush, onClose }: { name: string; flush: () => Promise<boolean>; onClose: () => void }) {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const client = useQueryClient();
  const troubles = useTroubles();
  const goTo = useGoToTrouble();
  const version = useTemplateState((state) => state.version);
  const published = useTemplateState((state) => state.published);
  const dirty = useTemplateState((state) => !Object.is(state.history.present, state.base.document));
  const errors = troubles.filter((trouble) => trouble.level === "error");
  const { pdf, busy, error: pdfError } = usePdf(name);
  /** Publishes what is here. `onTop` says that the version others made meanwhile was looked at. */
  const go = useMutation({
    mutationFn: async (onTop: boolean) => {
      if (onTop) {
        const [newest] = (await getVersions(store.id)).items;
        store.set({ onTop: newest?.number ?? null });
        store.edit(t("label.onTop"), (template) => ({ ...template }));
      }
      if (!(await flush())) throw offline();
      return publishDraft(store.id, store.get().base.revision);
    },
    onSuccess: async (document) => {
      store.set({ version: document.version, published: true });
      await client.invalidateQueries({ queryKey: keys.document(store.id) });
      await client.invalidateQueries({ queryKey: keys.documents });
    },
  });
  if (go.data) {
    return (
      <div>
        <p className={panels["live"]}><CircleCheck size={18} aria-hidden />{t("publish.done", { number: go.data.version })}</p>
        <p>{t("publish.then")}</p>
        {pdfError !== null && <InlineError error={pdfError} />}
        <div className={panels["foot"]}>
          <Button variant="default" leftSection={<Download size={14} />} loading={busy} onClick={() => void pdf()}>{t("pdf.of", { number: go.data.version })}</Button>
          <Button onClick={onClose}>{t("publish.back")}</Button>
        </div>
      </div>
    );
  }
  const changedMeanwhile = go.error instanceof ApiError && go.error.problem.type === "document_changed";
  return (
    <div>
      {errors.length > 0 && (
        <div className={panels["blocked"]}>
          {t("publish.blocked", { count: errors.length })}{" "}
          <button
            type="button" className="link"
            onClick={() => {
              onClose();
              if (errors[0]) goTo(errors[0]);
            }}
          >{t("problems.show")}</button>
        </div>
      )}
      {published && !dirty ? <p>{t("publish.nothing", { number: version })}</p> : errors.length === 0 && <Suspense fallback={<Loading lines={2} />}><Changes from={version} flush={flush} onClose={onClose} /></Suspense>}
      {go.error && <InlineError error={go.error} />}
      <div className={panels["foot"]}>
        {changedMeanwhile && <Button variant="default" onClick={() => go.mutate(true)}>{t("publish.onTop")}</Button>}
        <Button disabled={errors.length > 0 || (published && !dirty)} loading={go.isPending} onClick={() => go.mutate(false)}>{t("publish.go")}</Button>
      </div>
    </div>
  );
}
