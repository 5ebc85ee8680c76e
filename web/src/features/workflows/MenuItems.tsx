// What can be done with a workflow of the list; it comes when its menu is about to open.

import { Menu } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { Activity, Copy, Download, ExternalLink, Link2, Pause, Pencil, Power, Table2, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { WorkflowItem } from "~/api/types";
import { say } from "~/ui/Toasts";

interface Props {
  item: WorkflowItem;
  duplicate: () => void;
  take: () => void;
  turn: (body: { state: "live" | "off" } | { paused: boolean }) => void;
  remove: () => void;
}

export default function MenuItems({ item, duplicate, take, turn, remove }: Props) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const copyLink = () => {
    void navigator.clipboard.writeText(item.form_url ?? `${window.location.origin}/f/${item.slug}`).then(() => say(t("workflows.link_copied")));
  };
  const icon = { size: 15, strokeWidth: 1.75 };
  return (
    <>
      <Menu.Item leftSection={<Pencil {...icon} />} onClick={() => void navigate({ to: "/workflows/$id", params: { id: item.id } })}>
        {t("workflows.menu.open")}
      </Menu.Item>
      <Menu.Item leftSection={<Activity {...icon} />} onClick={() => void navigate({ to: "/runs", search: { workflow: item.id } })}>
        {t("workflows.menu.runs")}
      </Menu.Item>
      {item.version !== null && (
        <Menu.Item leftSection={<Table2 {...icon} />} onClick={() => void navigate({ to: "/workflows/$id/batches", params: { id: item.id } })}>
          {t("workflows.menu.batches")}
        </Menu.Item>
      )}
      {item.state === "live" && item.form_url !== null && (
        <>
          <Menu.Item leftSection={<ExternalLink {...icon} />} component="a" href={`/f/${item.slug}`} target="_blank">
            {t("workflows.menu.form")}
          </Menu.Item>
          <Menu.Item leftSection={<Link2 {...icon} />} onClick={copyLink}>
            {t("workflows.menu.copy")}
          </Menu.Item>
        </>
      )}
      <Menu.Divider />
      <Menu.Item leftSection={<Copy {...icon} />} onClick={duplicate}>
        {t("workflows.menu.duplicate")}
      </Menu.Item>
      <Menu.Item leftSection={<Download {...icon} />} onClick={take}>
        {t("workflows.menu.export")}
      </Menu.Item>
      <Menu.Item leftSection={<Pause {...icon} />} onClick={() => turn({ paused: item.paused_at === null })}>
        {item.paused_at === null ? t("workflows.menu.pause") : t("workflows.menu.resume")}
      </Menu.Item>
      {item.version !== null && (
        <Menu.Item leftSection={<Power {...icon} />} onClick={() => turn({ state: item.state === "off" ? "live" : "off" })}>
          {item.state === "off" ? t("workflows.menu.on") : t("workflows.menu.off")}
        </Menu.Item>
      )}
      <Menu.Divider />
      <Menu.Item className="danger" leftSection={<Trash2 {...icon} />} onClick={remove}>
        {t("workflows.menu.delete")}
      </Menu.Item>
    </>
  );
}
