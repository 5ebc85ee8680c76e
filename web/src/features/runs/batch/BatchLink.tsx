// Leads from a run to the batch whose row it is for.

import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { RunDetail } from "~/api/types";
import { addMessages } from "~/i18n/i18n";

await addMessages("run-batch", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

export default function BatchLink({ batch }: { batch: NonNullable<RunDetail["batch"]> }) {
  const { t } = useTranslation("run-batch");
  return <Link to="/batches/$id" params={{ id: batch.id }} className="link">{t("row", { row: batch.row, name: batch.name })}</Link>;
}
