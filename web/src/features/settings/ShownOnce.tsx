import { ActionIcon, Button, CopyButton } from "@mantine/core";
import { Check, Copy, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import classes from "./Settings.module.css";

/** A secret that the server tells a single time. */
export function ShownOnce({ text, value, close }: { text: string; value: string; close: () => void }) {
  const { t } = useTranslation("settings");
  return (
    <div className={classes.once} role="status">
      <div className={classes.onceRow}>
        <span style={{ flex: 1 }}>{text}</span>
        <ActionIcon onClick={close} aria-label={t("app:common.close")}>
          <X size={16} />
        </ActionIcon>
      </div>
      <div className={classes.onceRow}>
        <code translate="no">{value}</code>
        <CopyButton value={value}>
          {({ copied, copy }) => (
            <Button leftSection={copied ? <Check size={15} /> : <Copy size={15} />} onClick={copy}>
              {copied ? t("app:common.copied") : t("app:common.copy")}
            </Button>
          )}
        </CopyButton>
      </div>
    </div>
  );
}
