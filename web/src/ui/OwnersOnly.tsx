import { useQuery } from "@tanstack/react-query";
import { Lock } from "lucide-react";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { useSession } from "~/lib/session";
import classes from "./OwnersOnly.module.css";

/** What only owners may change: others see it as it is, read-only, with the reason and whom to ask. */
export function OwnersOnly({ children }: { children: ReactNode }) {
  const { member } = useSession();
  return member.role === "owner" ? children : <ReadOnly>{children}</ReadOnly>;
}

function ReadOnly({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const format = useFormat();
  const note = useId();
  const members = useQuery({ queryKey: keys.members, queryFn: () => ask(api.GET("/api/members")) });
  const owners = (members.data?.items ?? []).filter((one) => one.role === "owner").map((one) => one.name);
  return (
    <>
      <p id={note} className={classes.note}>
        <Lock size={15} strokeWidth={1.75} aria-hidden />
        <span>
          {t("settings.only_owners")} {owners.length > 0 && t("settings.ask", { names: format.list(owners) })}
        </span>
      </p>
      <fieldset disabled className={classes.held} aria-describedby={note}>
        {children}
      </fieldset>
    </>
  );
}
