// The editor's route: loads the workflow and the catalogue, holds the store and lays out the three surfaces.

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "~/api/client";
import { addMessages } from "~/i18n/i18n";
import { useNodeTypes } from "~/lib/node-types";
import { loadOriginWords } from "~/ui/origins/words";
import { ErrorWords } from "~/ui/Problem";
import { loadProblemWords } from "~/ui/server-words/words";
import { getWorkflow } from "./api";
import { Editor } from "./Editor";
import { storage } from "./state/draft";
import { EditorStore } from "./state/store";
import type { NodeType } from "~/lib/document/types";
import type { WorkflowDetail } from "./api";
import classes from "./editor.module.css";

await Promise.all([
  addMessages("editor", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") }),
  loadOriginWords(),
  loadProblemWords(),
]);

export default function EditorPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const { t, i18n } = useTranslation("editor");
  const types = useNodeTypes();
  // Only the first answer opens the editor; from then on the store is the truth and takes the server's news itself.
  const detail = useQuery({ queryKey: ["workflow", id, "opening"], queryFn: () => getWorkflow(id), staleTime: 0, gcTime: 0, refetchOnWindowFocus: false, refetchOnReconnect: false });
  const error = detail.error ?? types.error;
  if (error) {
    return (
      <div className={classes["page"]}>
        <div className={[classes["bar"], classes["barErr"]].join(" ")} role="alert">
          {error instanceof ApiError && error.problem.status === 404 ? t("open.gone") : error instanceof ApiError && error.offline ? t("open.offline") : <ErrorWords error={error} />}
          <Button size="xs" variant="default" onClick={() => void Promise.all([detail.refetch(), types.refetch()])}>{t("tryAgain")}</Button>
        </div>
      </div>
    );
  }
  if (!detail.data || !types.data) {
    return (
      <div className={classes["page"]} aria-busy>
        <div className={classes["top"]} />
        <div className={classes["skeleton"]} aria-hidden>
          {[0, 1, 2].map((column) => <div key={column}>{[70, 90, 60, 80].map((width, index) => <span key={index} style={{ inlineSize: `${width}%` }} />)}</div>)}
        </div>
      </div>
    );
  }
  return <Opened key={`${id}/${i18n.language}`} detail={detail.data} types={types.data} />;
}

function Opened({ detail, types }: { detail: WorkflowDetail; types: NodeType[] }) {
  const [store] = useState(() => new EditorStore(detail, types.map((type) => ({ ...type, ports: type.ports ?? [] })), storage()));
  return <Editor store={store} formUrl={detail.form_url} />;
}
