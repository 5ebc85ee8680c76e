import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import type { RefObject } from "react";
import { lazy, Suspense, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { DocumentItem } from "~/api/types";
import { addMessages } from "~/i18n/i18n";
import { useFormat } from "~/lib/format";
import { useKeys } from "~/lib/keyboard";
import { keys } from "~/lib/queries";
import { useFocusBack } from "~/ui/focus";
import { NameInput } from "~/ui/NameInput";
import { Empty, Loading, Page } from "~/ui/Page";
import { PageImage } from "~/ui/PageImage";
import { ErrorPanel, InlineError } from "~/ui/Problem";
import { DocumentMenu } from "./DocumentMenu";
import classes from "./Documents.module.css";

await addMessages("documents", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

const DeleteDocument = lazy(() => import("./DeleteDocument"));
const NewDocument = lazy(() => import("./NewDocument"));

/** Every page that workflows fill in, as it looks. */
export function DocumentsPage() {
  const { t } = useTranslation("documents");
  const documents = useQuery({ queryKey: keys.documents, queryFn: () => ask(api.GET("/api/documents")) });
  const [making, setMaking] = useState(false);
  useKeys({ n: () => setMaking(true) });
  return (
    <Page
      title={t("app:nav.documents")}
      sub={t("sub")}
      help="documents"
      actions={!documents.isPending && documents.data?.items.length !== 0 && (
        <Button leftSection={<Plus size={16} strokeWidth={1.75} />} onClick={() => setMaking(true)} aria-keyshortcuts="N">
          {t("new.title")}
        </Button>
      )}
    >
      {documents.isError && <ErrorPanel error={documents.error} retry={() => void documents.refetch()} />}
      {documents.isPending && <Loading lines={3} />}
      {documents.data?.items.length === 0 && (
        <Empty
          action={
            <div className={classes.actions}>
              <Button onClick={() => setMaking(true)}>{t("new.title")}</Button>
              <Button component={Link} to="/workflows?new=true" variant="default">
                {t("app:workflows.new")}
              </Button>
            </div>
          }
        >
          {t("none")}
        </Empty>
      )}
      <ul className={classes.grid}>
        {documents.data?.items.map((item) => (
          <DocumentCard key={item.id} item={item} />
        ))}
      </ul>
      <Suspense>{making && <NewDocument close={() => setMaking(false)} />}</Suspense>
    </Page>
  );
}

function DocumentCard({ item }: { item: DocumentItem }) {
  const { t } = useTranslation("documents");
  const format = useFormat();
  const preview = useQuery({
    queryKey: [...keys.document(item.id), "preview", item.version],
    queryFn: () => ask(api.POST("/api/documents/preview", { body: { document_id: item.id } })),
    staleTime: Infinity,
  });
  const page = preview.data?.pages[0];
  const button = useRef<HTMLButtonElement>(null);
  const [renaming, setRenaming] = useState(false);
  const [deleting, setDeleting] = useState(false);
  return (
    <li className={classes.card}>
      <div className={classes.desk}>{page !== undefined && <PageImage page={page} alt="" className={classes.thumb} />}</div>
      <div className={classes.text}>
        {renaming ? (
          <Rename item={item} button={button} close={() => setRenaming(false)} />
        ) : (
          <Link to="/documents/$id" params={{ id: item.id }} className={classes.name}>
            {item.name}
          </Link>
        )}
        <span title={format.exact(item.changed_at)}>
          {[t("app:workflows.version", { number: item.version }), t("used", { count: item.used_by.length }), format.ago(item.changed_at)]
            .join(" · ")}
        </span>
      </div>
      <DocumentMenu item={item} button={button} rename={() => setRenaming(true)} remove={() => setDeleting(true)} />
      <Suspense>{deleting && <DeleteDocument item={item} button={button} close={() => setDeleting(false)} />}</Suspense>
    </li>
  );
}

/** In place of the name. */
function Rename({ item, button, close }: { item: DocumentItem; button: RefObject<HTMLElement | null>; close: () => void }) {
  const { t } = useTranslation("documents");
  const client = useQueryClient();
  useFocusBack(button);
  const rename = useMutation({
    mutationFn: (name: string) => ask(api.PATCH("/api/documents/{id}", { params: { path: { id: item.id } }, body: { name } })),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.documents }),
  });
  return (
    <>
      <NameInput className={classes.rename} label={t("rename", { name: item.name })} name={item.name} keep={rename.mutateAsync} onEnd={close} />
      {rename.isError && <InlineError error={rename.error} />}
    </>
  );
}
