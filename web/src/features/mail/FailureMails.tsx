// Everybody's own choice: a mail when runs fail.

import { Switch } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { addMessages } from "~/i18n/i18n";
import { keys } from "~/lib/queries";
import { useSession } from "~/lib/session";
import { Card } from "~/ui/Page";
import { InlineError } from "~/ui/Problem";

await addMessages("mail", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

export default function FailureMails() {
  const { t } = useTranslation("mail");
  const client = useQueryClient();
  const { member, workspace } = useSession();
  // What was chosen shows at once, until the server's answer to the last choice is in the session.
  const [chosen, setChosen] = useState<boolean | null>(null);
  const change = useMutation({
    // One after the other: the last choice is the one that stays.
    scope: { id: "failure-mails" },
    mutationFn: (told_of_failures: boolean) => ask(api.PATCH("/api/members/{id}", { params: { path: { id: member.id } }, body: { told_of_failures } })),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.session }),
  });
  return (
    <Card title={t("notices")}>
      <Switch
        label={t("told_of_failures")}
        description={t(workspace.sends_mail ? "told_hint" : "told_no_server", { email: member.email })}
        checked={chosen ?? member.told_of_failures}
        onChange={(event) => {
          setChosen(event.currentTarget.checked);
          change.mutate(event.currentTarget.checked, { onSettled: () => setChosen(null) });
        }}
      />
      {change.isError && <InlineError error={change.error} />}
    </Card>
  );
}
