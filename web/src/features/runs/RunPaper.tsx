import { ActionIcon, Tooltip } from "@mantine/core";
import { Download, ExternalLink, FileText } from "lucide-react";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { RunDetail } from "~/api/types";
import { Tag } from "~/ui/State";
import classes from "./RunPaper.module.css";

const RunPages = lazy(() => import("./pages/RunPages"));

/** The pages of the finished file, or the file in the browser's own viewer; until then the paper it will be on. */
export function RunPaper({ run, select }: { run: RunDetail; select: (step: string) => void }) {
  const { t } = useTranslation();
  const made = run.artifacts.filter((artifact) => artifact.content_type === "application/pdf").at(-1);
  const open = run.finished_at === null;
  const maker = run.steps.find((step) => step.family === "made" && step.state !== "skipped");
  if (made === undefined && maker === undefined) return null;
  return (
    <section className={classes.paper} aria-label={t("run.page")}>
      <header className={classes.bar}>
        <FileText size={17} strokeWidth={1.75} aria-hidden />
        <strong>{made?.name ?? maker?.name}</strong>
        {made === undefined && open && <Tag tone="accent">{t("run.page_to_come")}</Tag>}
        <span className={classes.space} />
        {made !== undefined && (
          <>
            <Tooltip label={t("run.open_file")}>
              <ActionIcon component="a" href={`/api/artifacts/${made.id}`} target="_blank" rel="noreferrer" aria-label={t("run.open_file")}>
                <ExternalLink size={16} strokeWidth={1.75} />
              </ActionIcon>
            </Tooltip>
            <Tooltip label={t("common.download")}>
              <ActionIcon component="a" href={`/api/artifacts/${made.id}?download=1`} aria-label={t("common.download")}>
                <Download size={16} strokeWidth={1.75} />
              </ActionIcon>
            </Tooltip>
          </>
        )}
      </header>
      <div className={classes.desk}>
        {made === undefined ? (
          <div className={classes.sheet}>
            {open ? (
              <div aria-hidden>
                {[38, 0, 92, 86, 95, 60, 0, 90, 94, 72, 0, 88, 91, 40].map((width, at) => (
                  <span key={at} style={{ inlineSize: `${width}%` }} />
                ))}
              </div>
            ) : (
              <p>{t("run.no_page")}</p>
            )}
          </div>
        ) : (
          <Suspense fallback={<div className={classes.sheet} />}>
            <RunPages key={made.id} run={run} file={made} select={select}>
              <iframe className={classes.viewer} src={`/api/artifacts/${made.id}#view=FitH&toolbar=0&navpanes=0`} title={made.name} />
            </RunPages>
          </Suspense>
        )}
      </div>
    </section>
  );
}
