import { Menu, type MenuProps } from "@mantine/core";
import { useMounted } from "@mantine/hooks";
import { type ReactNode, type Ref, type RefObject, useImperativeHandle } from "react";
import type { OfButton } from "./menu-button";

/** The menu of a button that is drawn elsewhere, with `useMenuButton`. */
export function ButtonMenu({ id, button, opened, close, children, ...place }: OfButton & Pick<MenuProps, "position" | "offset"> & { children: ReactNode }) {
  // What is open from the start would not know to which element the focus goes back.
  const isMounted = useMounted();
  return (
    <Menu {...place} id={id} opened={opened && isMounted} onChange={(open) => !open && close()}>
      <Menu.Target>
        <Standing button={button} />
      </Menu.Target>
      <Menu.Dropdown>{children}</Menu.Dropdown>
    </Menu>
  );
}

/** Stands for the button, which is on the screen already. */
function Standing({ button, ref }: { button: RefObject<HTMLElement | null>; ref?: Ref<HTMLElement | null> }) {
  useImperativeHandle<HTMLElement | null, HTMLElement | null>(ref, () => button.current, [button]);
  return null;
}
