import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Wait } from "~/api/types";
import { SignIcon } from "~/ui/State";
import { WaitText } from "~/ui/waits";
import { approvalWords } from "./approvals";
import classes from "./StepDetail.module.css";

await approvalWords;

export function Waits({ waits }: { waits: Wait }) {
  const { t } = useTranslation();
  const { t: words } = useTranslation("approvals");
  return (
    <p className={classes.waits}>
      <SignIcon sign={waits.on === "signal" ? "person" : waits.on === "retry" ? "again" : "waiting"} />
      <span>
        <WaitText waits={waits} />{" "}
        {waits.asked.length > 0 && <>{words("asked", { names: waits.asked.join(", ") })} </>}
        {waits.answer_url !== null && <a href={waits.answer_url} className="link">{words("decide")}</a>}
        {waits.on === "model" && (
          <Link to="/models" className="link">
            {t("run.waits.to_models")}
          </Link>
        )}
      </span>
    </p>
  );
}
