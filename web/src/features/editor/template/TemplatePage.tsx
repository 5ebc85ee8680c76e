// The route of a document: loads it with its draft, and opens the template editor.

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "~/api/client";
import { addMessages } from "~/i18n/i18n";
import { ErrorWords } from "~/ui/Problem";
import { loadProblemWords } from "~/ui/server-words/words";
import { getDocument, getDraft } from "./api";
import type { DocumentInfo, TemplateDraft } from "./api";
import { openingKey } from "./name";
import { openStore } from "./state";
import { TemplateEditor } from "./TemplateEditor";
import classes from "../editor.module.css";

await Promise.all([
  addMessages("editor", { en: () => import("../i18n/en.json"), "zh-CN": () => import("../i18n/zh-CN.json") }),
  addMessages("template", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") }),
  loadProblemWords(),
]);

export default function TemplatePage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const { t, i18n } = useTranslation("template");
  // Only the first answer opens the editor; from then on the store is the truth and takes the server's news itself.
  const opening = useQuery({
    queryKey: openingKey(id),
    queryFn: () => Promise.all([getDocument(id), getDraft(id)]),
    staleTime: 0, gcTime: 0, refetchOnWindowFocus: false, refetchOnReconnect: false,
  });
  if (opening.error) {
    const { error } = opening;
    return (
      <div className={classes["page"]}>
        <div className={[classes["bar"], classes["barErr"]].join(" ")} role="alert">
          {error instanceof ApiError && error.problem.status === 404 ? t("open.gone") : error instanceof ApiError && error.offline ? t("open.offline") : <ErrorWords error={error} />}
          <Button size="xs" variant="default" onClick={() => void opening.refetch()}>{t("app:common.try_again")}</Button>
        </div>
      </div>
    );
  }
  if (!opening.data) {
    return (
      <div className={classes["page"]} aria-busy>
        <div className={classes["top"]} />
        <div className={classes["skeleton"]} aria-hidden>
          {[0, 1, 2].map((column) => <div key={column}>{[70, 90, 60, 80].map((width, index) => <span key={index} style={{ inlineSize: `${width}%` }} />)}</div>)}
        </div>
      </div>
    );
  }
  const [document, draft] = opening.data;
  return <Opened key={`${id}/${i18n.language}`} document={document} draft={draft} />;
}

function Opened({ document, draft }: { document: DocumentInfo; draft: TemplateDraft }) {
  const [store] = useState(() => openStore(document, draft));
  return <TemplateEditor store={store} name={document.name} />;
}
