// What can be done with a document of the list.

import { ActionIcon, Menu } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { Ellipsis, Pencil, TextCursorInput, Trash2 } from "lucide-react";
import type { RefObject } from "react";
import { useTranslation } from "react-i18next";
import type { DocumentItem } from "~/api/types";
import classes from "./Documents.module.css";

interface Props {
  item: DocumentItem;
  button: RefObject<HTMLButtonElement | null>;
  rename: () => void;
  remove: () => void;
}

export function DocumentMenu({ item, button, rename, remove }: Props) {
  const { t } = useTranslation("documents");
  const navigate = useNavigate();
  const icon = { size: 15, strokeWidth: 1.75 };
  return (
    // Whatever an item opens comes after the button has the focus again, and may take it.
    <Menu returnFocus={false} onClose={() => button.current?.focus({ preventScroll: true })}>
      <Menu.Target>
        <ActionIcon ref={button} className={classes.menu} variant="default" aria-label={t("menu.label", { name: item.name })}>
          <Ellipsis size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<Pencil {...icon} />} onClick={() => void navigate({ to: "/documents/$id", params: { id: item.id } })}>
          {t("menu.open")}
        </Menu.Item>
        <Menu.Item leftSection={<TextCursorInput {...icon} />} onClick={rename}>
          {t("menu.rename")}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item className="danger" leftSection={<Trash2 {...icon} />} onClick={remove}>
          {t("menu.delete")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
