import { Menu } from "@mantine/core";
import { type ReactNode, type Ref, type RefObject, useEffect, useImperativeHandle, useState } from "react";

interface Props {
  id: string;
  button: RefObject<HTMLElement | null>;
  opened: boolean;
  onChange: (opened: boolean) => void;
  children: ReactNode;
  position?: "right-end";
  offset?: number;
}

export default function OpenedMenu({ button, opened, children, ...menu }: Props) {
  // Only a menu that was closed before gives the focus back.
  const [here, setHere] = useState(false);
  useEffect(() => {
    const frame = requestAnimationFrame(() => setHere(true));
    return () => cancelAnimationFrame(frame);
  }, []);
  return (
    <Menu {...menu} opened={opened && here}>
      <Menu.Target>
        <Place button={button} />
      </Menu.Target>
      <Menu.Dropdown>{children}</Menu.Dropdown>
    </Menu>
  );
}

/** The button stands elsewhere and was there before. */
function Place({ button, ref }: { button: RefObject<HTMLElement | null>; ref?: Ref<HTMLElement> }) {
  useImperativeHandle<HTMLElement | null, HTMLElement | null>(ref, () => button.current, [button]);
  return null;
}
