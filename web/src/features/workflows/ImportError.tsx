import { useTranslation } from "react-i18next";
import { InlineError } from "~/ui/Problem";
import { NotAWorkflow } from "./create";
import classes from "./Workflows.module.css";

export function ImportError({ error }: { error: unknown }) {
  const { t } = useTranslation();
  if (!(error instanceof NotAWorkflow)) return <InlineError error={error} />;
  return (
    <p role="alert" className={classes.refused}>
      <strong>{t("import.refused")}</strong> {t(`import.${error.message}`)}
    </p>
  );
}
