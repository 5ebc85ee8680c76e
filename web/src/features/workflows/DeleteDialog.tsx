import { Button, Modal } from "@mantine/core";
import type { RefObject } from "react";
import { useTranslation } from "react-i18next";
import type { WorkflowItem } from "~/api/types";
import { useFocusBack } from "~/ui/focus";
import { InlineError } from "~/ui/Problem";
import classes from "./Workflows.module.css";

/** Asks before runs are lost; the button names what goes. */
export default function DeleteDialog({
  item,
  close,
  remove,
  busy,
  error,
  button,
}: {
  item: WorkflowItem;
  close: () => void;
  remove: () => void;
  busy: boolean;
  error: unknown;
  button: RefObject<HTMLElement | null>;
}) {
  const { t } = useTranslation();
  useFocusBack(button);
  return (
    <Modal opened onClose={close} title={t("workflows.delete.title", { name: item.name })} closeButtonProps={{ "aria-label": t("common.close") }}>
      <p>{t("workflows.delete.what", { count: item.runs })}</p>
      {error !== null && <InlineError error={error} />}
      <div className={classes.buttons}>
        <Button variant="default" onClick={close}>
          {t("workflows.delete.keep")}
        </Button>
        <Button color="red" loading={busy} onClick={remove}>
          {t("workflows.delete.button", { name: item.name, count: item.runs })}
        </Button>
      </div>
    </Modal>
  );
}
