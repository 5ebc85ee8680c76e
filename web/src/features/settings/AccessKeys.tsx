import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { useSession } from "~/lib/session";
import { Card, Loading } from "~/ui/Page";
import { ErrorPanel, InlineError } from "~/ui/Problem";
import { useRemoval } from "~/ui/removal";
import classes from "./Settings.module.css";
import { ShownOnce } from "./ShownOnce";

export function AccessKeys() {
  const { t } = useTranslation("settings");
  const format = useFormat();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const fresh = () => client.invalidateQueries({ queryKey: keys.accessKeys });
  const owner = useSession().member.role === "owner";
  const list = useQuery({ queryKey: keys.accessKeys, queryFn: () => ask(api.GET("/api/access-keys")), enabled: owner });
  const make = useMutation({
    mutationFn: () => ask(api.POST("/api/access-keys", { body: { name } })),
    onSuccess: async () => {
      setName("");
      await fresh();
    },
  });
  const removal = useRemoval((id) => ask(api.DELETE("/api/access-keys/{id}", { params: { path: { id } } })), fresh);
  const shown = removal.left(list.data?.items);
  return (
    <>
      <Card title={t("keys.add")}>
        <form
          className={classes.form}
          onSubmit={(event) => {
            event.preventDefault();
            make.mutate();
          }}
        >
          <TextInput
            label={t("keys.name")}
            description={t("keys.name_hint")}
            required
            withAsterisk={false}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          {make.isError && <InlineError error={make.error} />}
          <div>
            <Button type="submit" loading={make.isPending} leftSection={<Plus size={15} />}>
              {t("keys.add_button")}
            </Button>
          </div>
        </form>
      </Card>
      {make.data !== undefined && <ShownOnce text={t("keys.once")} value={make.data.key} close={() => make.reset()} />}
      {list.isError && <ErrorPanel error={list.error} retry={() => void list.refetch()} />}
      {list.isLoading && <Loading lines={2} />}
      {removal.error !== null && <InlineError error={removal.error} />}
      {list.data !== undefined && (
        <Card flush>
          {shown.length === 0 ? (
            <p className={classes.none}>{t("keys.none")}</p>
          ) : (
            <ul className={classes.rows}>
              {shown.map((key) => (
                <li key={key.id}>
                  <KeyRound size={16} strokeWidth={1.75} aria-hidden />
                  <span className={classes.what}>
                    <strong>{key.name}</strong>
                    <span>
                      {[`${key.prefix}…`, key.last_used_at == null ? t("keys.unused") : t("keys.used", { when: format.ago(key.last_used_at) })]
                        .join(" · ")}
                    </span>
                  </span>
                  <Button
                    size="xs"
                    variant="default"
                    className="danger"
                    aria-label={t("keys.revoke_named", { name: key.name })}
                    onClick={() => removal.take(key.id, t("keys.revoked", { name: key.name }))}
                  >
                    {t("keys.revoke")}
                  </Button>
                </li>
              ))}
            </ul>
          )}
        </Card>
      )}
    </>
  );
}
