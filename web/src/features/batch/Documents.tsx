// What the rows have made, as one ZIP or bound as one PDF.

import { Button } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Download, FileText } from "lucide-react";
import { useTranslation } from "react-i18next";

import { api, ApiError, ask } from "~/api/client";
import type { Batch, Problem } from "~/api/types";
import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { save, saveFrom } from "~/lib/save-file";
import { InlineError } from "~/ui/Problem";
import classes from "./batch.module.css";

export function Documents({ batch }: { batch: Batch }) {
  const { t } = useTranslation("batch");
  const format = useFormat();
  const { id } = batch;
  const documents = useQuery({
    queryKey: [...keys.batches, id, "documents", batch.counts.succeeded],
    queryFn: () => ask(api.GET("/api/batches/{id}/documents", { params: { path: { id } } })),
    // While it runs, every row that ends would ask for all of them.
    enabled: batch.state !== "running" && batch.counts.succeeded > 0,
  });
  const bind = useMutation({
    mutationFn: () => takeFile(`/api/batches/${id}/documents.pdf`),
    onSuccess: (file) => save(`${batch.name.replace(/\.[^.]+$/u, "")}.pdf`, file, "application/pdf"),
  });
  // The browser fetches the ZIP, however large, and would show a refusal as a page of its own: so it is asked for first.
  const zip = useMutation({
    mutationFn: () => ask(api.GET("/api/batches/{id}/documents.zip", { params: { path: { id }, query: { check: true } } })),
    onSuccess: () => saveFrom(`/api/batches/${id}/documents.zip`),
  });
  if (batch.state === "running") return batch.counts.succeeded > 0 ? <p className={classes.small}>{t("documents.later")}</p> : null;
  const found = documents.data;
  if (documents.isError) return <InlineError error={documents.error} />;
  if (found === undefined || found.count === 0) return null;
  const tooLarge = found.pdf_bytes > found.most_pdf_bytes;
  return (
    <>
      <div className={classes.buttons}>
        <Button variant="default" loading={zip.isPending} onClick={() => zip.mutate()} leftSection={<Download size={15} strokeWidth={1.75} />}>
          {t("documents.zip", { count: found.count, size: format.bytes(found.size_bytes) })}
        </Button>
        {found.pdf_count > 0 && (
          <Button variant="default" disabled={tooLarge} loading={bind.isPending} onClick={() => bind.mutate()} leftSection={<FileText size={15} strokeWidth={1.75} />}>
            {t("documents.pdf", { count: found.pdf_count })}
          </Button>
        )}
      </div>
      {found.pdf_count > 0 && <p className={classes.small}>{tooLarge ? t("documents.tooLarge", { size: format.bytes(found.most_pdf_bytes) }) : t("documents.plain")}</p>}
      {zip.isError && <InlineError error={zip.error} />}
      {bind.isError && <InlineError error={bind.error} />}
    </>
  );
}

/** A file that may be refused with a reason, which a link could not show. */
async function takeFile(address: string): Promise<Blob> {
  const response = await fetch(address).catch(() => null);
  if (response === null) throw new ApiError({ type: "no_connection", title: "", status: 0 });
  if (response.ok) return response.blob();
  const problem = (await response.json().catch(() => ({ type: "unexpected_answer", title: "" }))) as Problem;
  throw new ApiError({ ...problem, status: response.status });
}
