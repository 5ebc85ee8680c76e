/* A button whose menu comes when it is asked for: menus, and what places them on the screen, are no part of the first load. */
import { type RefObject, useId, useRef, useState } from "react";

/** What the menu, a lazy part that draws a `ButtonMenu`, is told of its button. */
export interface OfButton {
  id: string;
  button: RefObject<HTMLElement | null>;
  opened: boolean;
  close: () => void;
}

/** `load` fetches the menu's code, before the button is pressed if possible; from the first press on it `isWanted`. */
export function useMenuButton(load: () => Promise<unknown>) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const [opened, setOpened] = useState(false);
  const [isWanted, setWanted] = useState(false);
  // Without a connection the press itself tells what is wrong.
  const early = () => void load().catch(() => undefined);
  const target = {
    ref: button, id, "aria-haspopup": "menu", "aria-expanded": opened, "aria-controls": opened ? `${id}-dropdown` : undefined,
    onPointerEnter: early, onFocus: early,
    onClick: () => {
      setWanted(true);
      setOpened(!opened);
    },
  } as const;
  const menu: OfButton = { id, button, opened, close: () => setOpened(false) };
  return { target, menu, isWanted };
}
