// The published workflows that call this one: who notices what is changed here.

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { items } from "~/api/client";
import { addMessages } from "~/i18n/i18n";
import { ErrorWords } from "~/ui/Problem";
import { getCallers } from "../api";
import classes from "../inspector/inspector.module.css";
import { useStore } from "../state/store";

await addMessages("callers", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

export default function CalledBy() {
  const { t } = useTranslation("callers");
  const store = useStore();
  const callers = useQuery({ queryKey: ["workflow", store.id, "callers"], queryFn: () => getCallers(store.id) });
  if (callers.isError) return <div role="alert" className={classes["error"]}><ErrorWords error={callers.error} /></div>;
  if (callers.data === undefined) return null;
  const known = items(callers.data);
  return (
    <section className={classes["section"]} aria-label={t("title")}>
      <h3>{t("title")}</h3>
      {known.length === 0 ? (
        <p className={classes["words"]}>{t("none")}</p>
      ) : (
        <ul className={classes["callers"]}>
          {known.map((caller) => (
            <li key={caller.id}>
              <Link to="/workflows/$id" params={{ id: caller.id }} className="link">{caller.name}</Link> {caller.on_failure && t("onFailure")}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
