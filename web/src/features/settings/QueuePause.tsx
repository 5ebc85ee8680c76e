import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { useSession } from "~/lib/session";
import { ErrorPanel } from "~/ui/Problem";
import classes from "./Settings.module.css";

const queue = ["queue"];

/** The pause of all workflows, as a row of a card; only owners can change it. */
export function QueuePause() {
  const { t } = useTranslation("settings");
  const format = useFormat();
  const client = useQueryClient();
  const { member } = useSession();
  const standing = useQuery({ queryKey: queue, queryFn: () => ask(api.GET("/api/queue")), refetchInterval: 10_000 });
  const change = useMutation({
    mutationFn: (paused: boolean) => ask(api.PATCH("/api/queue", { body: { paused } })),
    onSuccess: async (after) => {
      // An answer from before the change would bring back what was.
      await client.cancelQueries({ queryKey: queue });
      client.setQueryData(queue, after);
      await client.invalidateQueries({ queryKey: keys.runs });
    },
  });
  const { data } = standing;
  if (standing.isError && data === undefined) return <ErrorPanel error={standing.error} retry={() => void standing.refetch()} />;
  if (data === undefined) return null;
  const since = data.paused_at;
  return (
    <li>
      <span className={classes.what}>
        <strong>{t("queue.title")}</strong>
        <span>{since === null ? t("queue.hint") : t("queue.paused", { when: format.when(since), name: data.paused_by ?? "–" })}</span>
        <span>{t("queue.counts", { due: data.due, under_way: data.under_way })}</span>
        {change.isError && <ErrorPanel error={change.error} />}
      </span>
      {member.role === "owner" && (
        <Button variant="default" loading={change.isPending} onClick={() => change.mutate(since === null)}>
          {since === null ? t("queue.pause") : t("queue.resume")}
        </Button>
      )}
    </li>
  );
}
