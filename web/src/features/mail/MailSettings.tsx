// The workspace's mail server: its settings, and a test mail with what the server said. The password goes in and never comes out.

import { Button, NumberInput, PasswordInput, Select, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { FlaskConical } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { MailServer, MailServerIn } from "~/api/types";
import { addMessages } from "~/i18n/i18n";
import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { useSession } from "~/lib/session";
import { typedNumber } from "~/lib/typed-number";
import { Card, Loading } from "~/ui/Page";
import { ErrorPanel, InlineError, StepErrorWords, useFieldErrors } from "~/ui/Problem";
import { SignIcon } from "~/ui/State";
import { sayUndo } from "~/ui/Toasts";
import classes from "../settings/Settings.module.css";

await addMessages("mail", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

const encryptions = ["tls", "starttls", "none"] as const;
type Encryption = (typeof encryptions)[number];

/** The port that servers usually listen on for each kind of protection. */
const usual: Record<Encryption, number> = { tls: 465, starttls: 587, none: 25 };

const blank: MailServerIn = { host: "", port: 465, encryption: "tls", user: "", sender_name: "", sender_address: "", reply_to: "" };

export default function MailSettings() {
  const { member } = useSession();
  const mail = useQuery({ queryKey: keys.mail, queryFn: () => ask(api.GET("/api/mail")), enabled: member.role === "owner" });
  if (mail.isError && mail.data === undefined) return <ErrorPanel error={mail.error} retry={() => void mail.refetch()} />;
  if (mail.data === undefined) return member.role === "owner" ? <Loading lines={4} /> : null;
  const { server } = mail.data;
  return (
    <>
      <ServerForm key={server?.changed_at ?? "none"} server={server ?? null} />
      {server != null && <TestMail />}
    </>
  );
}

function ServerForm({ server }: { server: MailServer | null }) {
  const { t } = useTranslation("mail");
  const client = useQueryClient();
  const [value, setValue] = useState<MailServerIn>(server === null ? blank : valuesOf(server));
  const [password, setPassword] = useState("");
  const [gone, setGone] = useState(false);
  const fresh = async () => {
    await client.invalidateQueries({ queryKey: keys.mail });
    await client.invalidateQueries({ queryKey: keys.session });
  };
  const save = useMutation({
    // An empty field keeps what is stored; without a user there is nothing to sign in with.
    mutationFn: () => ask(api.PUT("/api/mail", { body: { ...value, password: password !== "" ? password : value.user === "" ? "" : undefined } })),
    onSuccess: fresh,
  });
  const remove = useMutation({ mutationFn: () => ask(api.DELETE("/api/mail")), onSuccess: fresh, onError: () => setGone(false) });
  const errors = useFieldErrors(save.error);
  const set = (change: Partial<MailServerIn>) => setValue({ ...value, ...change });
  if (gone) return null;
  return (
    <Card title={t("server")}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <div className={classes.pair}>
          <TextInput label={t("host")} description={t("host_hint")} required withAsterisk={false} value={value.host} error={errors.host} onChange={(event) => set({ host: event.currentTarget.value })} />
          <Select
            label={t("encryption")}
            description={t(`encryption_hint.${value.encryption}`)}
            allowDeselect={false}
            data={encryptions.map((one) => ({ value: one, label: t(`encryptions.${one}`) }))}
            value={value.encryption}
            onChange={(chosen) => {
              const encryption = encryptions.find((one) => one === chosen) ?? "tls";
              set({ encryption, port: value.port === usual[value.encryption] ? usual[encryption] : value.port });
            }}
          />
          <NumberInput label={t("port")} min={1} max={65535} allowDecimal={false} required withAsterisk={false} value={value.port} error={errors.port} onChange={(port) => set({ port: typedNumber(port) ?? 0 })} />
        </div>
        <div className={classes.pair}>
          <TextInput label={t("user")} autoComplete="off" value={value.user} error={errors.user} onChange={(event) => set({ user: event.currentTarget.value })} />
          <PasswordInput
            label={t("password")}
            autoComplete="new-password"
            placeholder={server?.has_password === true ? t("password_kept") : undefined}
            value={password}
            error={errors.password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            visibilityToggleButtonProps={{ "aria-label": t("app:auth.show_password"), tabIndex: 0 }}
          />
        </div>
        <div className={classes.pair}>
          <TextInput label={t("sender_name")} value={value.sender_name} error={errors.sender_name} onChange={(event) => set({ sender_name: event.currentTarget.value })} />
          <TextInput
            label={t("sender_address")}
            type="email"
            required
            withAsterisk={false}
            value={value.sender_address}
            error={errors.sender_address}
            onChange={(event) => set({ sender_address: event.currentTarget.value })}
          />
          <TextInput label={t("reply_to")} description={t("reply_to_hint")} type="email" value={value.reply_to} error={errors.reply_to} onChange={(event) => set({ reply_to: event.currentTarget.value })} />
        </div>
        <p className={classes.small}>{t("sealed")}</p>
        {save.isError && <InlineError error={save.error} />}
        {remove.isError && <InlineError error={remove.error} />}
        <div style={{ display: "flex", gap: 8 }}>
          <Button type="submit" loading={save.isPending}>
            {t("save")}
          </Button>
          {server !== null && (
            <Button
              variant="subtle"
              color="gray"
              onClick={() => {
                setGone(true);
                sayUndo(t("removed"), () => remove.mutate(), () => setGone(false));
              }}
            >
              {t("remove")}
            </Button>
          )}
        </div>
        <p className={classes.small} role="status">
          {save.isSuccess && t("saved")}
        </p>
      </form>
    </Card>
  );
}

function valuesOf(server: MailServer): MailServerIn {
  const { host, port, encryption, user, sender_name, sender_address, reply_to } = server;
  return { host, port, encryption, user, sender_name, sender_address, reply_to };
}

function TestMail() {
  const { t } = useTranslation("mail");
  const format = useFormat();
  const { member } = useSession();
  const [to, setTo] = useState(member.email);
  const test = useMutation({ mutationFn: () => ask(api.POST("/api/mail/test", { body: { to } })) });
  const errors = useFieldErrors(test.error);
  const outcome = test.data;
  return (
    <Card title={t("test")}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          test.mutate();
        }}
      >
        <TextInput label={t("test_to")} type="email" required withAsterisk={false} value={to} error={errors.to} onChange={(event) => setTo(event.currentTarget.value)} />
        {test.isError && <InlineError error={test.error} />}
        <div>
          <Button type="submit" variant="default" loading={test.isPending} leftSection={<FlaskConical size={14} strokeWidth={1.75} />}>
            {t("test_button")}
          </Button>
        </div>
        <p className={classes.small} role="status" style={{ display: "flex", gap: 6, alignItems: "center" }}>
          {outcome !== undefined && (
            <>
              <SignIcon sign={outcome.delivered ? "done" : "failed"} size={14} />
              {outcome.delivered ? (
                t("test_fine", { words: `${outcome.status ?? ""} ${outcome.answer_head ?? ""}`.trim() })
              ) : outcome.error !== null ? (
                <StepErrorWords error={outcome.error} />
              ) : (
                t("app:common.no_answer")
              )}
              {outcome.took_ms !== null && ` · ${format.duration(outcome.took_ms)}`}
            </>
          )}
        </p>
      </form>
    </Card>
  );
}
