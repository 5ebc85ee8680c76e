import { Modal } from "@mantine/core";
import type { RefObject } from "react";
import { useTranslation } from "react-i18next";
import { useFocusBack } from "~/ui/focus";
import { ImportError } from "./ImportError";

export default function ImportRefused({ error, close, button }: { error: unknown; close: () => void; button: RefObject<HTMLElement | null> }) {
  const { t } = useTranslation();
  // The button could not keep the focus while the file was on its way.
  useFocusBack(button);
  return (
    <Modal opened onClose={close} title={t("workflows.import")} closeButtonProps={{ "aria-label": t("common.close") }}>
      <ImportError error={error} />
    </Modal>
  );
}
