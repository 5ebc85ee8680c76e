// Publishing: which pages change, what blocks it; then the new version and its PDF. And the versions, each beside the draft.

import { Button, Modal, Tabs } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, Download } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "~/api/client";
import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { Loading } from "~/ui/Page";
import { PageImage } from "~/ui/PageImage";
import { InlineError } from "~/ui/Problem";
import { comparePages, drawPages, getVersion, getVersions, publishDraft, restoreVersion } from "../api";
import type { PageChange, VersionRow } from "../api";
import { useTemplate, useTemplateState, useTemplateStore } from "../state";
import { usePdf } from "../usePdf";
import { useGoToTrouble, useTroubles } from "./ProblemPanel";
import panels from "~/features/editor/panels/panels.module.css";
import classes from "../template.module.css";

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
        <Tabs.Panel value="versions"><Versions flush={flush} onClose={close} /></Tabs.Panel>
      </Tabs>
    </Modal>
  );
}

const offline = () => new ApiError({ type: "no_connection", title: "", status: 0 });

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
      {published && !dirty ? <p>{t("publish.nothing", { number: version })}</p> : errors.length === 0 && <Changes from={version} flush={flush} />}
      {go.error && <InlineError error={go.error} />}
      <div className={panels["foot"]}>
        {changedMeanwhile && <Button variant="default" onClick={() => go.mutate(true)}>{t("publish.onTop")}</Button>}
        <Button disabled={errors.length > 0 || (published && !dirty)} loading={go.isPending} onClick={() => go.mutate(false)}>{t("publish.go")}</Button>
      </div>
    </div>
  );
}

function Versions({ flush, onClose }: { flush: () => Promise<boolean>; onClose: () => void }) {
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
      {open === version.number && <Changes from={version.number} flush={flush} />}
    </div>
  );
  return (
    <div className={panels["versions"]}>
      {versions.isPending && <Loading lines={2} />}
      {versions.isError && <InlineError error={versions.error} />}
      {restore.isError && <InlineError error={restore.error} />}
      {versions.data?.items.map(row)}
    </div>
  );
}

/** The pages that differ, of a version and of the draft side by side, both drawn with the values that the editor shows. */
function Changes({ from, flush }: { from: number; flush: () => Promise<boolean> }) {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const template = useTemplate();
  const sample = useTemplateState((state) => state.sample);
  const compared = useQuery({
    queryKey: [...keys.document(store.id), "compare", from, sample],
    queryFn: async () => {
      // What is compared is the draft that the server has.
      if (!(await flush())) throw offline();
      const before = await getVersion(store.id, from);
      const draw = (one: typeof template) => drawPages({ document_id: store.id, template: one, sample });
      const [told, old, now] = await Promise.all([comparePages(store.id, from, sample), draw(before.template), draw(template)]);
      return { pages: told.pages, old: old.pages, now: now.pages };
    },
    gcTime: 0,
    staleTime: Infinity,
  });
  if (compared.isPending) return <Loading lines={2} />;
  if (compared.isError) return <InlineError error={compared.error} />;
  const { pages, old, now } = compared.data;
  const changed = pages.filter((page) => page.change !== "same");
  const side = (page: PageChange, which: "from" | "to") => {
    const number = page[which];
    const drawn = number === null ? undefined : (which === "from" ? old : now)[number - 1];
    const label = which === "from" ? t("versions.number", { number: from }) : t("versions.draft");
    return (
      <figure>
        <figcaption>{label}{number !== null && ` · ${t("pages.number", { number })}`}</figcaption>
        {drawn ? <PageImage page={drawn} alt={`${label}, ${t("pages.number", { number })}`} /> : <div className={classes["noPage"]}>{t("versions.noPage")}</div>}
      </figure>
    );
  };
  return (
    <div>
      <p>{changed.length === 0 ? t("versions.same") : t("versions.pages", { count: changed.length })}</p>
      {changed.map((page, at) => (
        <section key={at} className={classes["compared"]} aria-label={t(`versions.${page.change}`)}>
          {side(page, "from")}
          {side(page, "to")}
        </section>
      ))}
    </div>
  );
}
