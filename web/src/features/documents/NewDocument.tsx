import { Modal, Select } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask, items } from "~/api/client";
import type { DocumentExample } from "~/api/types";
import { nameOfLanguage } from "~/lib/language-names";
import { keys } from "~/lib/queries";
import { useFocusBack } from "~/ui/focus";
import { Loading } from "~/ui/Page";
import { ErrorPanel, InlineError } from "~/ui/Problem";
import classes from "./Documents.module.css";

const EMPTY = { format: "formwork-document/1", blocks: [] } as unknown as Record<string, never>;

/** From a shipped document in a language, or an empty page. */
export default function NewDocument({ close }: { close: () => void }) {
  const { t, i18n } = useTranslation("documents");
  const client = useQueryClient();
  const navigate = useNavigate();
  const lang = i18n.language;
  const examples = useQuery({
    queryKey: [...keys.documents, "examples", lang],
    queryFn: () => ask(api.GET("/api/document-examples", { params: { query: { lang } } })),
    staleTime: Infinity,
  });
  const list = items(examples.data);
  const [chosen, setChosen] = useState<string | null>(null);
  const language = chosen ?? list[0]?.language ?? lang;
  const create = useMutation({
    mutationFn: (example: DocumentExample | null) =>
      ask(api.POST("/api/documents", { body: example === null ? { name: t("new.untitled"), template: EMPTY } : { example: example.name, language } })),
    onSuccess: async (document) => {
      await client.invalidateQueries({ queryKey: keys.documents });
      await navigate({ to: "/documents/$id", params: { id: document.id } });
    },
  });
  useFocusBack();
  return (
    <Modal opened onClose={close} title={t("new.title")} size={920} closeButtonProps={{ "aria-label": t("app:common.close") }}>
      <Select
        label={t("new.language")}
        className={classes.language}
        allowDeselect={false}
        data={[...new Set(list.flatMap((example) => example.languages))].map((value) => ({ value, label: nameOfLanguage(value) }))}
        value={language}
        onChange={setChosen}
        disabled={list.length === 0}
      />
      {examples.isError && <ErrorPanel error={examples.error} retry={() => void examples.refetch()} />}
      {examples.isPending && <Loading lines={3} />}
      <ul className={classes.examples} aria-label={t("new.from")}>
        {list.map((example) => (
          <li key={example.name}>
            <button type="button" className={classes.example} disabled={create.isPending} onClick={() => create.mutate(example)}>
              <span className={classes.desk}>
                <img src={`${example.page_url}?language=${encodeURIComponent(language)}`} alt="" loading="lazy" className={classes.thumb} />
              </span>
              <span className={classes.text}>
                <strong>{example.title}</strong>
                <span>{example.summary}</span>
              </span>
            </button>
          </li>
        ))}
        <li>
          <button type="button" className={classes.example} disabled={create.isPending} onClick={() => create.mutate(null)}>
            <span className={classes.desk}>
              <span className={classes.blank} />
            </span>
            <span className={classes.text}>
              <strong>{t("new.empty")}</strong>
              <span>{t("new.empty_what")}</span>
            </span>
          </button>
        </li>
      </ul>
      {create.isError && <InlineError error={create.error} />}
    </Modal>
  );
}
