import { Button } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Check, Clock, Play } from "lucide-react";
import { useTranslation } from "react-i18next";
import { api, ask, items } from "~/api/client";
import { useExamples } from "~/lib/examples";
import { useFormat } from "~/lib/format";
import { writingModel } from "~/lib/models";
import { keys } from "~/lib/queries";
import { tryExample } from "~/lib/run-example";
import { ExampleCard, ExampleGrid } from "~/ui/ExampleCard";
import { Loading } from "~/ui/Page";
import { ErrorPanel, InlineError } from "~/ui/Problem";
import { Tag } from "~/ui/State";
import classes from "./Setup.module.css";

/** The shipped examples that make a page; what needs no model is ready at once, the rest starts by itself when the model is here. */
export function FirstDocument() {
  const { t } = useTranslation("setup");
  const format = useFormat();
  const navigate = useNavigate();
  const examples = useExamples();
  const models = useQuery({ queryKey: keys.models, queryFn: () => ask(api.GET("/api/models")) });
  const model = writingModel(models.data);
  const ready = model?.state === "ready" || model?.state === "asleep";
  const make = useMutation({
    mutationFn: tryExample,
    onSuccess: (run) => navigate({ to: "/runs/$id", params: { id: run.id } }),
  });
  const list = items(examples.data).filter((example) => example.page_url !== null).toSorted((a, b) => Number(a.needs_model) - Number(b.needs_model));
  const soon = model?.seconds_left == null ? t("document.soon") : t("document.in_about", { time: format.duration(Math.max(60, Math.ceil(model.seconds_left)) * 1000) });
  return (
    <div className={classes.examples}>
      <div>
        <h1>{t("document.title")}</h1>
        <p className={classes.lead}>{t("document.lead", { count: list.length })}</p>
      </div>
      {examples.isPending && <Loading lines={3} />}
      {examples.isError && <ErrorPanel error={examples.error} retry={() => void examples.refetch()} />}
      <ExampleGrid>
        {list.map((example, at) => {
          const now = !example.needs_model || ready;
          return (
            <ExampleCard
              key={example.name}
              example={example}
              icons={false}
              heading="h2"
              tag={now ? <Tag tone="ok" icon={<Check size={13} />}>{t("document.ready")}</Tag> : <Tag>{soon}</Tag>}
              actions={
                <Button
                  fullWidth
                  variant={at === 0 ? "filled" : "default"}
                  leftSection={now ? <Play size={15} strokeWidth={1.75} /> : <Clock size={15} strokeWidth={1.75} />}
                  loading={make.isPending && make.variables === example}
                  disabled={make.isPending && make.variables !== example}
                  onClick={() => make.mutate(example)}
                >
                  {now ? t("document.make") : t("document.make_later")}
                </Button>
              }
            />
          );
        })}
      </ExampleGrid>
      {make.isError && <InlineError error={make.error} />}
      <div className={classes.after}>
        <Link to="/workflows" search={{ new: true }} className="link">
          {t("document.empty")}
        </Link>
        <Link to="/workflows" className="link quiet">
          {t("skip_now")}
        </Link>
      </div>
    </div>
  );
}
