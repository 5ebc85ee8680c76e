import { Modal } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { ImportError } from "./ImportError";

export default function ImportRefused({ error, close }: { error: unknown; close: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal opened onClose={close} title={t("workflows.import")} closeButtonProps={{ "aria-label": t("common.close") }}>
      <ImportError error={error} />
    </Modal>
  );
}
