import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { currentLanguage } from "~/i18n/i18n";
import { keys } from "~/lib/queries";
import { acceptSession } from "~/lib/session";
import { AccountFields } from "~/ui/AccountFields";
import { ErrorPanel, InlineError, isGone, useFieldErrors } from "~/ui/Problem";
import { AuthFrame } from "./AuthFrame";
import classes from "./Auth.module.css";

export function InvitationPage() {
  const { t } = useTranslation();
  const { token = "" } = useParams({ strict: false });
  const client = useQueryClient();
  const navigate = useNavigate();
  const [account, setAccount] = useState({ name: "", email: "", password: "" });
  const invitation = useQuery({
    queryKey: ["invitation", token],
    queryFn: () => ask(api.GET("/api/invitations/{token}", { params: { path: { token } } })),
  });
  const accept = useMutation({
    mutationFn: () =>
      ask(api.POST("/api/invitations/{token}", { params: { path: { token } }, body: { ...account, locale: currentLanguage() } })),
    onSuccess: async (session) => {
      client.setQueryData(keys.session, acceptSession(session));
      await navigate({ to: "/workflows" });
    },
  });
  const errors = useFieldErrors(accept.error);
  if (invitation.isError) {
    return (
      <AuthFrame title={isGone(invitation.error) ? t("auth.invitation_gone") : t("auth.invitation")}>
        <div className={classes.form}>
          {isGone(invitation.error) ? <p>{t("auth.invitation_gone_why")}</p> : <ErrorPanel error={invitation.error} retry={() => void invitation.refetch()} />}
        </div>
      </AuthFrame>
    );
  }
  if (invitation.data === undefined) return null;
  return (
    <AuthFrame title={t("auth.join", { workspace: invitation.data.workspace })} sub={t(`auth.join_as.${invitation.data.role}`)}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          accept.mutate();
        }}
      >
        <AccountFields value={account} change={setAccount} errors={errors} />
        {accept.isError && <InlineError error={accept.error} />}
        <Button type="submit" loading={accept.isPending} fullWidth>
          {t("auth.join_button")}
        </Button>
      </form>
    </AuthFrame>
  );
}
