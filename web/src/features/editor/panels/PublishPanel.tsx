// Publishing: what changed since the last version, in words; what blocks it; then the link of the form.

import { Button, CopyButton, Modal, Tabs, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, CircleCheck, Copy } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "~/api/client";
import { compare } from "~/lib/document/compare";
import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { ErrorWords } from "~/ui/Problem";
import { problemText } from "~/ui/server-words/words";
import { getVersion, getVersions, getWorkflow, publish } from "../api";
import { DocumentWarnings } from "../inspector/DocumentWarnings";
import { useActions } from "../state/actions";
import { useDocument, useEditor, useStore } from "../state/store";
import { memberWith } from "../surfaces/formMembers";
import { changeLines } from "./changeText";
import { useGoToProblem } from "./Problems";
import classes from "./panels.module.css";

export function PublishPanel({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation("editor");
  const [tab, setTab] = useState<string | null>("publish");
  return (
    <Modal opened={opened} onClose={onClose} title={t("publish.title")} size={560} closeButtonProps={{ "aria-label": t("close") }}>
      <Tabs value={tab} onChange={setTab} keepMounted={false}>
        <Tabs.List mb={16}><Tabs.Tab value="publish">{t("publish.tab")}</Tabs.Tab><Tabs.Tab value="versions">{t("versions.title")}</Tabs.Tab></Tabs.List>
        <Tabs.Panel value="publish"><Publish onClose={onClose} /></Tabs.Panel>
        <Tabs.Panel value="versions"><Versions onClose={onClose} /></Tabs.Panel>
      </Tabs>
    </Modal>
  );
}

function Publish({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("editor");
  const store = useStore();
  const document = useDocument();
  const actions = useActions();
  const client = useQueryClient();
  const problems = useEditor((state) => state.checked?.problems) ?? [];
  const goTo = useGoToProblem();
  const [note, setNote] = useState("");
  const detail = useQuery({ queryKey: keys.workflow(store.id), queryFn: () => getWorkflow(store.id) });
  const number = detail.data?.live_version?.number;
  const live = useQuery({ queryKey: ["workflow", store.id, "version", number], enabled: number !== undefined, queryFn: () => getVersion(store.id, number ?? 0) });
  const go = useMutation({
    mutationFn: async () => {
      if (!(await actions.flush())) throw new ApiError({ type: "no_connection", title: "", status: 0 });
      return publish(store.id, store.get().base.revision, note);
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.workflow(store.id) });
      await client.invalidateQueries({ queryKey: keys.workflows });
    },
  });
  const errors = problems.filter((problem) => problem.severity === "error");
  const lines = live.data?.document ? changeLines(compare(live.data.document, document), document, store.types, t) : null;
  const url = detail.data?.form_url;
  const makesDocuments = document.nodes.some((node) => {
    const schema = store.types.get(node.type)?.schema;
    const member = schema ? memberWith(schema, "document") : null;
    return member !== null && typeof node.config[member] === "string";
  });

  if (go.isSuccess) {
    return (
      <>
        <div className={classes["live"]} role="status"><CircleCheck size={18} aria-hidden />{t("publish.done", { number: go.data.number })}</div>
        {url && (
          <>
            <p>{t("publish.share")}</p>
            <div className={classes["link"]}>
              <code>{url}</code>
              <CopyButton value={url}>{({ copied, copy }) => <Button size="xs" variant="default" leftSection={copied ? <Check size={13} /> : <Copy size={13} />} onClick={copy}>{copied ? t("copied") : t("copy")}</Button>}</CopyButton>
            </div>
          </>
        )}
        <div className={classes["foot"]}>
          {url && <Button component="a" href={url} target="_blank" variant="default">{t("publish.open")}</Button>}
          <Button onClick={onClose}>{t("publish.back")}</Button>
        </div>
      </>
    );
  }
  return (
    <>
      {errors.length > 0 && (
        <div className={classes["blocked"]} role="alert">
          {t("publish.blocked", { count: errors.length })}
          <ul style={{ margin: "6px 0 0", paddingInlineStart: 18 }}>
            {errors.map((problem, index) => (
              <li key={index}>
                <button
                  type="button" className="link" style={{ color: "inherit", textAlign: "start" }}
                  onClick={() => {
                    onClose();
                    goTo(problem);
                  }}
                >
                  {problem.node ? `${document.nodes.find((node) => node.id === problem.node)?.name ?? ""}: ` : ""}{problemText(problem)}
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
      <b style={{ fontWeight: 500 }}>{number ? t("publish.since", { number }) : t("publish.first")}</b>
      {lines && (
        <ul className={classes["changes"]}>
          {lines.length === 0 && <li>{t("publish.nothing")}</li>}
          {lines.map((line, index) => <li key={index}>{line.text}{line.detail && <small>{line.detail}</small>}</li>)}
        </ul>
      )}
      {!number && <p className={classes["meta"]} style={{ marginBlock: "6px 14px" }}>{t("publish.firstHelp")}</p>}
      {makesDocuments && <div style={{ marginBlock: 14 }}><DocumentWarnings /></div>}
      <Textarea label={t("publish.note")} placeholder={t("publish.noteHint")} autosize minRows={2} maxLength={500} value={note} onChange={(event) => setNote(event.currentTarget.value)} />
      {go.error && <div className={classes["blocked"]} role="alert" style={{ marginBlockStart: 12 }}>{go.error instanceof ApiError && go.error.offline ? t("publish.offline") : <ErrorWords error={go.error} />}</div>}
      <div className={classes["foot"]}>
        <Button variant="default" onClick={onClose}>{t("cancel")}</Button>
        <Button disabled={errors.length > 0} loading={go.isPending} onClick={() => go.mutate()}>{t("publish.go")}</Button>
      </div>
    </>
  );
}

function Versions({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("editor");
  const store = useStore();
  const format = useFormat();
  const document = useDocument();
  const [open, setOpen] = useState<number | null>(null);
  const list = useQuery({ queryKey: ["workflow", store.id, "versions"], queryFn: () => getVersions(store.id) });
  const shown = useQuery({ queryKey: ["workflow", store.id, "version", open], enabled: open !== null, queryFn: () => getVersion(store.id, open ?? 0) });
  const items = Array.isArray(list.data) ? list.data : (list.data?.items ?? []);
  if (list.data && items.length === 0) return <p className={classes["meta"]}>{t("versions.none")}</p>;
  return (
    <div className={classes["versions"]}>
      {items.map((version) => (
        <div key={version.number}>
          <div className={classes["version"]}>
            <div>
              <b style={{ fontWeight: 500 }}>{t("versions.number", { number: version.number })}</b>{version.note ? ` · ${version.note}` : ""}
              <div className={classes["meta"]} title={format.exact(version.published_at)}>{format.when(version.published_at)}{version.published_by ? ` · ${version.published_by}` : ""}</div>
            </div>
            <Button size="xs" variant="subtle" aria-expanded={open === version.number} onClick={() => setOpen(open === version.number ? null : version.number)}>{t("versions.differences")}</Button>
            <Button
              size="xs" variant="default"
              onClick={async () => {
                const full = await getVersion(store.id, version.number);
                if (full.document) store.replace(full.document, t("versions.restored", { number: version.number }));
                onClose();
              }}
            >{t("versions.restore")}</Button>
          </div>
          {open === version.number && shown.data?.document && (
            <ul className={classes["changes"]}>
              {changeLines(compare(shown.data.document, document), document, store.types, t).map((line, index) => <li key={index}>{line.text}{line.detail && <small>{line.detail}</small>}</li>)}
              {compare(shown.data.document, document).length === 0 && <li>{t("versions.same")}</li>}
            </ul>
          )}
        </div>
      ))}
    </div>
  );
}
