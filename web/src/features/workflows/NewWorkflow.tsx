import { Button, FileButton, Modal } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Download, FilePlus2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { api, ask, items } from "~/api/client";
import type { WorkflowDocument } from "~/api/types";
import { keys } from "~/lib/queries";
import { StepIcons } from "~/ui/Origin";
import { InlineError } from "~/ui/Problem";
import classes from "./Workflows.module.css";

const LARGEST_IMPORT = 5_000_000;

export class NotAWorkflow extends Error {}

/** A file that was exported here, or the reason why it is none. */
export function readWorkflow(text: string): WorkflowDocument {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new NotAWorkflow("not_json");
  }
  if (typeof parsed !== "object" || parsed === null || !("format" in parsed) || !String(parsed.format).startsWith("formwork/")) {
    throw new NotAWorkflow("other_format");
  }
  return parsed as WorkflowDocument;
}

function useCreate(done: () => void) {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: (body: { name?: string; example?: string; document?: WorkflowDocument }) => ask(api.POST("/api/workflows", { body })),
    onSuccess: async (workflow) => {
      done();
      await client.invalidateQueries({ queryKey: keys.workflows });
      await navigate({ to: "/workflows/$id", params: { id: workflow.id } });
    },
  });
}

function useImport(done: () => void) {
  const create = useCreate(done);
  return useMutation({
    mutationFn: async (file: File) => {
      if (file.size > LARGEST_IMPORT) throw new NotAWorkflow("too_large");
      return create.mutateAsync({ document: readWorkflow(await file.text()) });
    },
  });
}

function ImportError({ error }: { error: unknown }) {
  const { t } = useTranslation();
  if (!(error instanceof NotAWorkflow)) return <InlineError error={error} />;
  return (
    <p role="alert" className={classes.refused}>
      <strong>{t("import.refused")}</strong> {t(`import.${error.message}`)}
    </p>
  );
}

export function ImportButton() {
  const { t } = useTranslation();
  const take = useImport(() => undefined);
  return (
    <>
      <FileButton accept="application/json,.json" onChange={(file) => file !== null && take.mutate(file)}>
        {(props) => (
          <Button {...props} variant="default" loading={take.isPending} leftSection={<Download size={16} strokeWidth={1.75} />}>
            {t("workflows.import")}
          </Button>
        )}
      </FileButton>
      <Modal opened={take.isError} onClose={() => take.reset()} title={t("workflows.import")} closeButtonProps={{ "aria-label": t("common.close") }}>
        <ImportError error={take.error} />
      </Modal>
    </>
  );
}

/** From an example, empty, or from a file. */
export function NewWorkflow({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const examples = useQuery({ queryKey: keys.examples, queryFn: () => ask(api.GET("/api/examples")), staleTime: Infinity });
  const create = useCreate(() => undefined);
  const take = useImport(() => undefined);
  const busy = create.isPending || take.isPending;
  return (
    <Modal opened onClose={close} title={t("workflows.new")} size={640} closeButtonProps={{ "aria-label": t("common.close") }}>
      <div className={classes.choices}>
        <button type="button" className={classes.choice} disabled={busy} onClick={() => create.mutate({ name: t("workflows.untitled") })} data-autofocus>
          <span className={classes.choiceIcon}>
            <FilePlus2 size={20} strokeWidth={1.75} aria-hidden />
          </span>
          <span>
            <strong>{t("workflows.empty.title")}</strong>
            <span>{t("workflows.empty.what")}</span>
          </span>
        </button>
        <FileButton accept="application/json,.json" onChange={(file) => file !== null && take.mutate(file)}>
          {(props) => (
            <button type="button" className={classes.choice} disabled={busy} {...props}>
              <span className={classes.choiceIcon}>
                <Download size={20} strokeWidth={1.75} aria-hidden />
              </span>
              <span>
                <strong>{t("workflows.file.title")}</strong>
                <span>{t("workflows.file.what")}</span>
              </span>
            </button>
          )}
        </FileButton>
      </div>
      <h3 className={classes.from}>{t("workflows.from_example")}</h3>
      <ul className={classes.exampleList}>
        {items(examples.data).map((example) => (
          <li key={example.name}>
            <button type="button" className={classes.exampleRow} disabled={busy} onClick={() => create.mutate({ example: example.name })}>
              <img src={`/api/examples/${encodeURIComponent(example.name)}/page.svg`} alt="" loading="lazy" />
              <span>
                <strong>{example.title}</strong>
                <span>{example.summary}</span>
              </span>
              <StepIcons steps={example.steps} size={18} />
            </button>
          </li>
        ))}
      </ul>
      {create.isError && <InlineError error={create.error} />}
      {take.isError && <ImportError error={take.error} />}
    </Modal>
  );
}
