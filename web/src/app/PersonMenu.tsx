import { Menu } from "@mantine/core";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { useSession } from "~/lib/session";
import { Face } from "~/ui/Page";
import classes from "./Shell.module.css";

const personItems = () => import("./PersonItems");
const PersonItems = lazy(personItems);

export function PersonMenu() {
  const { t } = useTranslation();
  const { member } = useSession();
  return (
    <Menu position="right-end" offset={8}>
      <Menu.Target>
        <button type="button" className={classes.item} onPointerEnter={() => void personItems()} onFocus={() => void personItems()}>
          <Face name={member.name} size={20} beside />
          <span className={classes.words}>{member.name}</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Suspense fallback={<Menu.Item disabled mih={320} w={200}>{t("common.loading")}</Menu.Item>}>
          <PersonItems />
        </Suspense>
      </Menu.Dropdown>
    </Menu>
  );
}
