import { Button, FileButton } from "@mantine/core";
import { Download } from "lucide-react";
import { lazy, Suspense, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useImport } from "./create";

const ImportRefused = lazy(() => import("./ImportRefused"));

export function ImportButton() {
  const { t } = useTranslation();
  const take = useImport();
  const button = useRef<HTMLButtonElement>(null);
  return (
    <>
      <FileButton accept="application/json,.json" onChange={(file) => file !== null && take.mutate(file)}>
        {(props) => (
          <Button {...props} ref={button} variant="default" loading={take.isPending} leftSection={<Download size={16} strokeWidth={1.75} />}>
            {t("workflows.import")}
          </Button>
        )}
      </FileButton>
      <Suspense>{take.isError && <ImportRefused error={take.error} close={() => take.reset()} button={button} />}</Suspense>
    </>
  );
}
