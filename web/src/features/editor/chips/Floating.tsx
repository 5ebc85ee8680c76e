// A popover at a place on the screen, for things that are opened from a caret or a chip inside a text.

import { Popover } from "@mantine/core";
import type { ReactNode } from "react";

import classes from "./chips.module.css";

interface Props {
  rect: DOMRect | null;
  label: string;
  onClose: () => void;
  children: ReactNode;
}

export function Floating({ rect, label, onClose, children }: Props) {
  return (
    <Popover opened={rect !== null} onDismiss={onClose} position="bottom-start" trapFocus returnFocus closeOnEscape={false} withRoles={false} offset={6}>
      <Popover.Target>
        <span
          className={classes["anchor"]}
          aria-hidden
          style={rect ? { left: rect.left, top: rect.top, width: Math.max(1, rect.width), height: rect.height } : { display: "none" }}
        />
      </Popover.Target>
      <Popover.Dropdown
        p={0}
        role="dialog"
        aria-label={label}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          onClose();
        }}
      >
        {children}
      </Popover.Dropdown>
    </Popover>
  );
}
