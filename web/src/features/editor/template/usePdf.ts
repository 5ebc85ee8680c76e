// The PDF of the newest version with the values that the pages show, made as every program outside asks for it.

import { useState } from "react";
import { useTranslation } from "react-i18next";

import { save } from "~/lib/save-file";
import { say } from "~/ui/Toasts";
import { renderPdf } from "./api";
import { useTemplateStore } from "./state";

/** `failed` is told where nothing beside the button shows what went wrong. */
export function usePdf(name: string, failed?: (error: unknown) => void) {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const pdf = async () => {
    const { preview, version } = store.get();
    setBusy(true);
    setError(null);
    try {
      const file = await renderPdf(store.id, preview?.values ?? {}, version);
      // Another sort of answer says that it is not made yet.
      if (file.type.includes("pdf")) save(`${name}.pdf`, file, "application/pdf");
      else say(t("pdf.later"));
    } catch (caught) {
      setError(caught);
      failed?.(caught);
    } finally {
      setBusy(false);
    }
  };
  return { pdf, busy, error };
}
