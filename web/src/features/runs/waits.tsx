import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Wait } from "~/api/types";
import { SignIcon } from "~/ui/State";
import { WaitText } from "~/ui/waits";
import classes from "./StepDetail.module.css";

export function Waits({ waits }: { waits: Wait }) {
  const { t } = useTranslation();
  return (
    <p className={classes.waits}>
      <SignIcon sign={waits.on === "signal" ? "person" : waits.on === "retry" ? "again" : "waiting"} />
      <span>
        <WaitText waits={waits} />{" "}
        {waits.on === "model" && (
          <Link to="/models" className="link">
            {t("run.waits.to_models")}
          </Link>
        )}
      </span>
    </p>
  );
}
