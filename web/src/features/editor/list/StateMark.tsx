// The state of a step's last run, never by colour alone.

import { Loader, Tooltip } from "@mantine/core";
import { CircleCheck, CircleDashed, CircleX, Minus, Pause, RotateCw, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";

import { useEditor } from "../state/store";

export function StateMark({ step, size = 15 }: { step: string; size?: number }) {
  const { t } = useTranslation("editor");
  const state = useEditor((current) => current.results[step]?.step.state);
  const running = useEditor((current) => current.trial?.run?.steps.find((item) => item.node === step)?.state);
  const problems = useEditor((current) => current.checked?.problems);
  const worst = problems?.filter((problem) => problem.node === step);
  const error = worst?.some((problem) => problem.severity === "error");
  // Only what is going on overrides the last result: a step that a short run never reached says nothing new.
  const now = running && ["ready", "running", "waiting", "retryable", "failed"].includes(running) ? running : state;
  const mark = (icon: React.ReactNode, label: string, colour: string) => (
    <Tooltip label={label}><span role="img" aria-label={label} style={{ color: `var(${colour})`, display: "inline-flex" }}>{icon}</span></Tooltip>
  );
  if (now === "running" || now === "ready") return mark(<Loader size={size - 1} color="var(--accent-text)" />, t("state.running"), "--accent-text");
  if (now === "waiting") return mark(<Pause size={size} />, t("state.waiting"), "--text2");
  if (now === "retryable") return mark(<RotateCw size={size} />, t("state.retryable"), "--warn");
  if (now === "failed") return mark(<CircleX size={size} />, t("state.failed"), "--err");
  if (worst?.length) return mark(<TriangleAlert size={size} />, t(error ? "state.error" : "state.warning"), error ? "--err" : "--warn");
  if (now === "succeeded") return mark(<CircleCheck size={size} />, t("state.succeeded"), "--ok");
  if (now === "skipped") return mark(<Minus size={size} />, t("state.skipped"), "--text3");
  if (now === "cancelled") return mark(<CircleDashed size={size} />, t("state.cancelled"), "--text3");
  return null;
}
