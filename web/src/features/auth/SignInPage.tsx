import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { keys } from "~/lib/queries";
import { acceptSession, setupQuery } from "~/lib/session";
import { InlineError } from "~/ui/Problem";
import { AuthFrame } from "./AuthFrame";
import classes from "./Auth.module.css";

export function SignInPage() {
  const { t } = useTranslation();
  const search: { next?: string } = useSearch({ strict: false });
  const client = useQueryClient();
  const navigate = useNavigate();
  const setup = useQuery(setupQuery);
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const signIn = useMutation({
    mutationFn: () => ask(api.POST("/api/session", { body: { email, password } })),
    onSuccess: async (session) => {
      client.setQueryData(keys.session, acceptSession(session));
      // Only a path of this site: an address from outside must not lead away after signing in.
      await navigate({ href: /^\/(?![/\\])/.test(search.next ?? "") ? search.next : "/workflows" });
    },
  });
  if (setup.data?.owner_needed) {
    return (
      <AuthFrame title={t("auth.owner_needed")} sub={t("auth.owner_needed_how")}>
        {null}
      </AuthFrame>
    );
  }
  return (
    <AuthFrame title={t("auth.sign_in")}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          signIn.mutate();
        }}
      >
        <TextInput
          label={t("auth.email")}
          type="email"
          autoComplete="username"
          required
          autoFocus
          withAsterisk={false}
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <PasswordInput
          label={t("auth.password")}
          autoComplete="current-password"
          required
          withAsterisk={false}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          visibilityToggleButtonProps={{ "aria-label": t("auth.show_password"), tabIndex: 0 }}
        />
        {signIn.isError && <InlineError error={signIn.error} />}
        <Button type="submit" loading={signIn.isPending} fullWidth>
          {t("auth.sign_in")}
        </Button>
        <Link to="/password" className="link">
          {t("auth.forgotten")}
        </Link>
      </form>
    </AuthFrame>
  );
}
