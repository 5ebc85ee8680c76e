import { Tooltip } from "@mantine/core";
import type { ReactElement } from "react";

/** The name of what the folded navigation shows as an icon. */
export default function RailTip({ label, children }: { label: string; children: ReactElement }) {
  return (
    <Tooltip label={label} position="right">
      {children}
    </Tooltip>
  );
}
