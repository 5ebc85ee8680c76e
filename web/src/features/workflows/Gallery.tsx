import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Play } from "lucide-react";
import { useTranslation } from "react-i18next";
import { api, ask, items } from "~/api/client";
import { useExamples } from "~/lib/examples";
import { keys } from "~/lib/queries";
import { tryExample } from "~/lib/run-example";
import { ExampleCard, ExampleGrid } from "~/ui/ExampleCard";
import { ErrorPanel, InlineError } from "~/ui/Problem";
import classes from "./Workflows.module.css";

export function Gallery({ hide }: { hide?: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = useNavigate();
  const examples = useExamples();
  const attempt = useMutation({
    mutationFn: tryExample,
    onSuccess: (run) => navigate({ to: "/runs/$id", params: { id: run.id } }),
  });
  const copy = useMutation({
    mutationFn: (name: string) => ask(api.POST("/api/workflows", { body: { example: name } })),
    onSuccess: async (workflow) => {
      await client.invalidateQueries({ queryKey: keys.workflows });
      await navigate({ to: "/workflows/$id", params: { id: workflow.id } });
    },
  });
  const list = items(examples.data);
  const busy = attempt.isPending || copy.isPending;
  return (
    <section aria-label={t("workflows.ready")}>
      <div className={classes.bar}>
        <h2>{t("workflows.ready")}</h2>
        <span className={classes.hint}>{t("workflows.ready_hint", { count: list.length })}</span>
        <span className={classes.space} />
        {hide !== undefined && (
          <Button variant="subtle" color="gray" size="xs" onClick={hide}>
            {t("workflows.hide")}
          </Button>
        )}
      </div>
      {examples.isError && <ErrorPanel error={examples.error} retry={() => void examples.refetch()} />}
      <ExampleGrid>
        {list.map((example) => (
          <ExampleCard
            key={example.name}
            example={example}
            actions={
              <>
                <Button
                  variant="default"
                  size="xs"
                  leftSection={<Play size={14} strokeWidth={1.75} />}
                  loading={attempt.isPending && attempt.variables === example}
                  disabled={busy}
                  onClick={() => attempt.mutate(example)}
                  aria-label={t("workflows.try_named", { name: example.title })}
                >
                  {t("workflows.try")}
                </Button>
                <Button
                  variant="subtle"
                  color="gray"
                  size="xs"
                  loading={copy.isPending && copy.variables === example.name}
                  disabled={busy}
                  onClick={() => copy.mutate(example.name)}
                  aria-label={t("workflows.use_named", { name: example.title })}
                >
                  {t("workflows.use")}
                </Button>
              </>
            }
          />
        ))}
      </ExampleGrid>
      {attempt.isError && <InlineError error={attempt.error} />}
      {copy.isError && <InlineError error={copy.error} />}
    </section>
  );
}
