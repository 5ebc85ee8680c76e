// A forgotten password: asking for a link, and choosing a new one with it. Whether an account exists is told to nobody.

import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { addMessages } from "~/i18n/i18n";
import { keys } from "~/lib/queries";
import { acceptSession } from "~/lib/session";
import { LEAST_PASSWORD } from "~/ui/AccountFields";
import { ErrorPanel, InlineError, isGone, useFieldErrors } from "~/ui/Problem";
import { AuthFrame } from "./AuthFrame";
import classes from "./Auth.module.css";

await addMessages("password", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

export function ForgottenPage() {
  const { t } = useTranslation("password");
  const [email, setEmail] = useState("");
  const request = useMutation({ mutationFn: () => ask(api.POST("/api/password-resets", { body: { email } })) });
  return (
    <AuthFrame title={t("forgotten")} sub={request.isSuccess ? undefined : t("forgotten_how")}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          request.mutate();
        }}
      >
        {!request.isSuccess && (
          <TextInput
            label={t("app:auth.email")}
            type="email"
            autoComplete="username"
            required
            autoFocus
            withAsterisk={false}
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
        )}
        <div role="status">{request.isSuccess && <p>{t("asked", { email })}</p>}</div>
        {request.isError && <InlineError error={request.error} />}
        {!request.isSuccess && (
          <Button type="submit" loading={request.isPending} fullWidth>
            {t("send_link")}
          </Button>
        )}
        <Link to="/sign-in" className="link">
          {t("back")}
        </Link>
      </form>
    </AuthFrame>
  );
}

export function NewPasswordPage() {
  const { t } = useTranslation("password");
  const { token = "" } = useParams({ strict: false });
  const client = useQueryClient();
  const navigate = useNavigate();
  const [password, setPassword] = useState("");
  const path = { path: { token } };
  const link = useQuery({
    queryKey: ["password-reset", token],
    queryFn: () => ask(api.GET("/api/password-resets/{token}", { params: path })),
    retry: false,
    refetchOnWindowFocus: false,
  });
  const reset = useMutation({
    mutationFn: () => ask(api.POST("/api/password-resets/{token}", { params: path, body: { password } })),
    onSuccess: async (session) => {
      client.clear();
      client.setQueryData(keys.session, acceptSession(session));
      await navigate({ to: "/workflows" });
    },
  });
  const errors = useFieldErrors(reset.error);
  if (link.isError) {
    return (
      <AuthFrame title={isGone(link.error) ? t("gone") : t("new")}>
        <div className={classes.form}>
          {isGone(link.error) ? <p>{t("gone_why")}</p> : <ErrorPanel error={link.error} retry={() => void link.refetch()} />}
          <Link to="/password" className="link">
            {t("ask_again")}
          </Link>
        </div>
      </AuthFrame>
    );
  }
  if (link.data === undefined) return null;
  return (
    <AuthFrame title={t("new")} sub={t("new_for", { email: link.data.email })}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          reset.mutate();
        }}
      >
        <input type="hidden" autoComplete="username" value={link.data.email} readOnly />
        <PasswordInput
          label={t("new")}
          description={t("app:auth.strength.none", { least: LEAST_PASSWORD })}
          autoComplete="new-password"
          required
          autoFocus
          withAsterisk={false}
          minLength={LEAST_PASSWORD}
          value={password}
          error={errors.password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          visibilityToggleButtonProps={{ "aria-label": t("app:auth.show_password"), tabIndex: 0 }}
        />
        <p className={classes.sub}>{t("ends_sessions")}</p>
        {reset.isError && <InlineError error={reset.error} />}
        <Button type="submit" loading={reset.isPending} fullWidth>
          {t("set")}
        </Button>
      </form>
    </AuthFrame>
  );
}
