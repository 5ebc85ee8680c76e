/* A button with a menu, for screens of the first load: what draws menus, and what stands in this one, comes when it is about to be opened. */
import { lazy, type ReactElement, type ReactNode, type RefObject, Suspense, useId, useRef, useState } from "react";

const drawing = () => import("./OpenedMenu");
const OpenedMenu = lazy(drawing);

interface ButtonProps {
  ref: RefObject<HTMLButtonElement | null>;
  id: string;
  "aria-haspopup": "menu";
  "aria-expanded": boolean;
  "aria-controls": string | undefined;
  onPointerEnter: () => void;
  onFocus: () => void;
  onClick: () => void;
}

interface Props {
  children: (button: ButtonProps) => ReactElement;
  items: ReactNode;
  /** Fetches the code of the items. */
  load: () => Promise<unknown>;
  /** The button, for who has to give the focus back to it. */
  button?: RefObject<HTMLButtonElement | null>;
  position?: "right-end";
  offset?: number;
}

export function MenuButton({ children, items, load, button, ...place }: Props) {
  const id = useId();
  const own = useRef<HTMLButtonElement>(null);
  const ref = button ?? own;
  const [used, setUsed] = useState(false);
  const [opened, setOpened] = useState(false);
  const fetch = () => void Promise.all([drawing(), load()]).catch(() => undefined);
  return (
    <>
      {children({
        ref,
        id,
        "aria-haspopup": "menu",
        "aria-expanded": opened,
        "aria-controls": opened ? `${id}-dropdown` : undefined,
        onPointerEnter: fetch,
        onFocus: fetch,
        onClick: () => {
          setUsed(true);
          setOpened((before) => !before);
        },
      })}
      <Suspense>{used && <OpenedMenu {...place} id={id} button={ref} opened={opened} onChange={setOpened}>{items}</OpenedMenu>}</Suspense>
    </>
  );
}
