import { ActionIcon, Button, Menu, Modal, SegmentedControl } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Ellipsis, UserPlus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Member } from "~/api/types";
import { useFormat } from "~/lib/format";
import { useNow } from "~/lib/now";
import { keys } from "~/lib/queries";
import { useSession } from "~/lib/session";
import { Card, Face, Loading } from "~/ui/Page";
import { ErrorPanel, InlineError } from "~/ui/Problem";
import { Tag } from "~/ui/State";
import classes from "./Settings.module.css";
import { ShownOnce } from "./ShownOnce";

export function People() {
  const { t } = useTranslation("settings");
  const format = useFormat();
  const client = useQueryClient();
  const { member: me } = useSession();
  const owner = me.role === "owner";
  const [role, setRole] = useState<"owner" | "member">("member");
  const members = useQuery({ queryKey: keys.members, queryFn: () => ask(api.GET("/api/members")) });
  const invitations = useQuery({ queryKey: keys.invitations, queryFn: () => ask(api.GET("/api/invitations")), enabled: owner });
  const invite = useMutation({
    mutationFn: () => ask(api.POST("/api/invitations", { body: { role } })),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.invitations }),
  });
  const withdraw = useMutation({
    mutationFn: (id: string) => ask(api.DELETE("/api/members/invitations/{id}", { params: { path: { id } } })),
    onSuccess: (_, id) => {
      if (invite.data?.id === id) invite.reset();
      return client.invalidateQueries({ queryKey: keys.invitations });
    },
  });
  const now = useNow(60_000);
  const open = (invitations.data?.items ?? []).filter((one) => Date.parse(one.expires_at) > now);
  return (
    <>
      <Card title={t("people.invite")}>
        <div className={classes.form}>
          <p className={classes.small}>{t("people.invite_hint")}</p>
          <div className={classes.buttons}>
            <SegmentedControl
              aria-label={t("people.role")}
              value={role}
              onChange={(value) => setRole(value === "owner" ? "owner" : "member")}
              data={(["member", "owner"] as const).map((value) => ({ value, label: t(`people.roles.${value}`) }))}
            />
            <Button leftSection={<UserPlus size={15} strokeWidth={1.75} />} loading={invite.isPending} onClick={() => invite.mutate()}>
              {t("people.make_link")}
            </Button>
          </div>
          {invite.isError && <InlineError error={invite.error} />}
          {invite.data !== undefined && (
            <ShownOnce text={t("people.link_once", { until: format.when(invite.data.expires_at) })} value={invite.data.url} close={() => invite.reset()} />
          )}
        </div>
      </Card>
      {members.isError && <ErrorPanel error={members.error} retry={() => void members.refetch()} />}
      {members.isPending && <Loading lines={2} />}
      <Card flush>
        <ul className={classes.rows}>
          {members.data?.items.map((member) => (
            <Row key={member.id} member={member} me={me} />
          ))}
          {open.map((one) => (
            <li key={one.id}>
              <span className={classes.what}>
                <strong>{t("people.invited", { role: t(`people.roles.${one.role}`) })}</strong>
                <span>{t("people.until", { until: format.when(one.expires_at) })}</span>
                {withdraw.isError && withdraw.variables === one.id && <InlineError error={withdraw.error} />}
              </span>
              <Button size="xs" variant="default" loading={withdraw.isPending && withdraw.variables === one.id} onClick={() => withdraw.mutate(one.id)}>
                {t("people.withdraw")}
              </Button>
            </li>
          ))}
        </ul>
      </Card>
    </>
  );
}

function Row({ member, me }: { member: Member; me: Member }) {
  const { t } = useTranslation("settings");
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const path = { path: { id: member.id } };
  const fresh = () => client.invalidateQueries({ queryKey: keys.members });
  const change = useMutation({
    mutationFn: (role: "owner" | "member") => ask(api.PATCH("/api/members/{id}", { params: path, body: { role } })),
    onSuccess: fresh,
  });
  const remove = useMutation({
    mutationFn: () => ask(api.DELETE("/api/members/{id}", { params: path })),
    onSuccess: async () => {
      setAsking(false);
      await fresh();
    },
  });
  const error = change.error ?? remove.error;
  return (
    <li>
      <Face name={member.name} size={28} beside />
      <span className={classes.what}>
        <strong>{member.id === me.id ? t("people.you", { name: member.name }) : member.name}</strong>
        <span>{member.email}</span>
        {error !== null && <InlineError error={error} />}
      </span>
      <Tag>{t(`people.roles.${member.role}`)}</Tag>
      {me.role === "owner" && member.id !== me.id && (
        <Menu>
          <Menu.Target>
            <ActionIcon aria-label={t("people.menu", { name: member.name })}>
              <Ellipsis size={16} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => change.mutate(member.role === "owner" ? "member" : "owner")}>
              {member.role === "owner" ? t("people.make_member") : t("people.make_owner")}
            </Menu.Item>
            <Menu.Item className="danger" onClick={() => setAsking(true)}>
              {t("people.remove")}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
      <Modal opened={asking} onClose={() => setAsking(false)} title={t("people.remove_title", { name: member.name })} closeButtonProps={{ "aria-label": t("app:common.close") }}>
        <p>{t("people.remove_text")}</p>
        <div className={classes.buttons} style={{ justifyContent: "flex-end", marginTop: 20 }}>
          <Button variant="default" onClick={() => setAsking(false)}>
            {t("app:common.cancel")}
          </Button>
          <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
            {t("people.remove_button", { name: member.name })}
          </Button>
        </div>
      </Modal>
    </li>
  );
}
