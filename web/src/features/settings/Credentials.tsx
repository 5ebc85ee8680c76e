import { ActionIcon, Button, PasswordInput, Select, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Lock, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { SecretIn } from "~/api/types";
import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { Card, Loading } from "~/ui/Page";
import { ErrorPanel, InlineError, useFieldErrors } from "~/ui/Problem";
import { useRemoval } from "~/ui/removal";
import classes from "./Settings.module.css";

const kinds = ["bearer", "basic", "header", "signing"] as const;
type Kind = (typeof kinds)[number];

/** What each kind of credential asks for; the second of a pair is always the secret. */
const asked: Record<Kind, { plain?: "username" | "header"; secret: "token" | "password" | "value" | "secret" }> = {
  bearer: { secret: "token" },
  basic: { plain: "username", secret: "password" },
  header: { plain: "header", secret: "value" },
  signing: { secret: "secret" },
};

function secretOf(kind: Kind, plain: string, secret: string): SecretIn {
  if (kind === "bearer") return { kind, token: secret };
  if (kind === "basic") return { kind, username: plain, password: secret };
  if (kind === "signing") return { kind, secret };
  return { kind, header: plain, value: secret };
}

export function Credentials() {
  const { t } = useTranslation("settings");
  const format = useFormat();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [kind, setKind] = useState<Kind>("bearer");
  const [plain, setPlain] = useState("");
  const [secret, setSecret] = useState("");
  const fresh = () => client.invalidateQueries({ queryKey: keys.credentials });
  const credentials = useQuery({ queryKey: keys.credentials, queryFn: () => ask(api.GET("/api/credentials")) });
  const fields = asked[kind];
  const add = useMutation({
    mutationFn: () =>
      ask(
        api.POST("/api/credentials", {
          body: { name, secret: secretOf(kind, plain, secret) },
        }),
      ),
    onSuccess: async () => {
      setName("");
      setPlain("");
      setSecret("");
      await fresh();
    },
  });
  const removal = useRemoval((id) => ask(api.DELETE("/api/credentials/{id}", { params: { path: { id } } })), fresh);
  const errors = useFieldErrors(add.error);
  const list = removal.left(credentials.data?.items);
  return (
    <>
      <Card title={t("credentials.add")}>
        <form
          className={classes.form}
          onSubmit={(event) => {
            event.preventDefault();
            add.mutate();
          }}
        >
          <div className={classes.pair}>
            <TextInput label={t("name")} required withAsterisk={false} value={name} error={errors.name} onChange={(event) => setName(event.currentTarget.value)} />
            <Select
              label={t("credentials.kind")}
              allowDeselect={false}
              data={kinds.map((value) => ({ value, label: t(`credentials.kinds.${value}`) }))}
              value={kind}
              onChange={(value) => setKind(kinds.find((one) => one === value) ?? "bearer")}
            />
            {fields.plain !== undefined && (
              <TextInput label={t(`credentials.${fields.plain}`)} required withAsterisk={false} autoComplete="off" value={plain} onChange={(event) => setPlain(event.currentTarget.value)} />
            )}
            <PasswordInput
              label={t(`credentials.${fields.secret}`)}
              required
              withAsterisk={false}
              autoComplete="new-password"
              value={secret}
              error={errors[fields.secret]}
              onChange={(event) => setSecret(event.currentTarget.value)}
              visibilityToggleButtonProps={{ "aria-label": t("app:auth.show_password"), tabIndex: 0 }}
            />
          </div>
          <p className={classes.small}>{t("credentials.sealed")}</p>
          {add.isError && <InlineError error={add.error} />}
          <div>
            <Button type="submit" loading={add.isPending} leftSection={<Plus size={15} />}>
              {t("credentials.add_button")}
            </Button>
          </div>
        </form>
      </Card>
      {credentials.isError && <ErrorPanel error={credentials.error} retry={() => void credentials.refetch()} />}
      {credentials.isPending && <Loading lines={2} />}
      {removal.error !== null && <InlineError error={removal.error} />}
      {credentials.data !== undefined && (
        <Card flush>
          {list.length === 0 ? (
            <p className={classes.none}>{t("credentials.none")}</p>
          ) : (
            <ul className={classes.rows}>
              {list.map((credential) => (
                <li key={credential.id}>
                  <Lock size={16} strokeWidth={1.75} aria-hidden />
                  <span className={classes.what}>
                    <strong>{credential.name}</strong>
                    <span>
                      {t(`credentials.kinds.${credential.kind}`, { defaultValue: credential.kind })} · {format.when(credential.created_at)}
                    </span>
                  </span>
                  <ActionIcon
                    aria-label={t("delete_named", { name: credential.name })}
                    onClick={() => removal.take(credential.id, t("deleted", { name: credential.name }))}
                  >
                    <Trash2 size={16} strokeWidth={1.75} />
                  </ActionIcon>
                </li>
              ))}
            </ul>
          )}
        </Card>
      )}
    </>
  );
}
