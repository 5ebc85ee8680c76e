import { lazy } from "react";
import { useSession } from "~/lib/session";
import { MenuButton } from "~/ui/MenuButton";
import { Face } from "~/ui/Page";
import classes from "./Shell.module.css";

const personItems = () => import("./PersonItems");
const PersonItems = lazy(personItems);

export function PersonMenu() {
  const { member } = useSession();
  return (
    <MenuButton position="right-end" offset={8} load={personItems} items={<PersonItems />}>
      {(props) => (
        <button type="button" className={classes.item} {...props}>
          <Face name={member.name} size={20} beside />
          <span className={classes.words}>{member.name}</span>
        </button>
      )}
    </MenuButton>
  );
}
