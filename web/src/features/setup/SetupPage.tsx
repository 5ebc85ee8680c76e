import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Check } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Firm } from "~/api/types";
import { addMessages, currentLanguage } from "~/i18n/i18n";
import { keys } from "~/lib/queries";
import { acceptSession, sessionQuery, setupQuery } from "~/lib/session";
import { useTitle } from "~/lib/title";
import { AccountFields, type Account } from "~/ui/AccountFields";
import { Logo } from "~/ui/Page";
import { ErrorPanel, InlineError, useFieldErrors } from "~/ui/Problem";
import { DownloadCard } from "./DownloadCard";
import { FirmStep } from "./FirmStep";
import { FirstDocument } from "./FirstDocument";
import classes from "./Setup.module.css";

await addMessages("setup", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

type Step = "account" | "firm" | "document";

/** The first minute: account, firm, first document. Leaves no wizard behind. */
export function SetupPage() {
  const { t } = useTranslation("setup");
  const search: { token?: string; step?: Step } = useSearch({ strict: false });
  const navigate = useNavigate();
  const session = useQuery({ ...sessionQuery, retry: false, throwOnError: false });
  const signedIn = session.data !== undefined;
  const step: Step = signedIn ? (search.step ?? "firm") : "account";
  const firm = useQuery({ queryKey: keys.firm, queryFn: () => ask(api.GET("/api/firm")), enabled: signedIn });
  const go = (next: Step) => void navigate({ to: "/setup", search: { step: next } });
  const order: Step[] = ["account", "firm", "document"];
  const at = order.indexOf(step);

  useTitle(t("steps"));
  if (session.isPending) return null;
  return (
    <div className={classes.frame}>
      <aside className={classes.side} aria-label={t("steps")}>
        <div className={classes.brand}>
          <Logo size={24} />
          <span translate="no">{t("app:product")}</span>
        </div>
        <ol className={classes.steps}>
          <SideStep number={1} state={stateOf(0, at)} title={t("account.short")} hint={session.data === undefined ? t("account.hint") : t("account.done", { name: session.data.member.name })} />
          <SideStep number={2} state={stateOf(1, at)} title={t("firm.short")} hint={at > 1 && firm.data !== undefined ? firmLine(firm.data) : t("firm.hint")} />
          <SideStep number={3} state={stateOf(2, at)} title={t("document.short")} hint={t("document.hint")} />
          <SideStep number={4} state="later" title={t("own.short")} hint={t("own.hint")} />
        </ol>
        <div className={classes.space} />
        {signedIn && <DownloadCard />}
      </aside>
      <main className={classes.main}>
        {step === "account" && <AccountStep token={search.token ?? ""} done={() => go("firm")} />}
        {step === "firm" &&
          (firm.isError ? (
            <ErrorPanel error={firm.error} retry={() => void firm.refetch()} />
          ) : (
            firm.data !== undefined && <FirmStep firm={firm.data} done={() => go("document")} />
          ))}
        {step === "document" && <FirstDocument />}
      </main>
    </div>
  );
}

function firmLine(firm: Firm): string {
  return [firm.name, firm.currency].filter((part) => part !== "").join(" · ");
}

function stateOf(index: number, at: number): "done" | "now" | "later" {
  return index < at ? "done" : index === at ? "now" : "later";
}

function SideStep({ number, state, title, hint }: { number: number; state: "done" | "now" | "later"; title: string; hint: ReactNode }) {
  return (
    <li className={classes.step} data-state={state} aria-current={state === "now" ? "step" : undefined}>
      <span className={classes.bullet} aria-hidden>
        {state === "done" ? <Check size={14} strokeWidth={2} /> : number}
      </span>
      <span className={classes.stepText}>
        <span>{title}</span>
        <span>{hint}</span>
      </span>
    </li>
  );
}

function AccountStep({ token, done }: { token: string; done: () => void }) {
  const { t } = useTranslation("setup");
  const client = useQueryClient();
  const setup = useQuery(setupQuery);
  const [account, setAccount] = useState<Account>({ name: "", email: "", password: "" });
  const create = useMutation({
    mutationFn: () => ask(api.POST("/api/setup", { body: { token, ...account, locale: currentLanguage() } })),
    onSuccess: (session) => {
      client.setQueryData(keys.session, acceptSession(session));
      done();
    },
  });
  const errors = useFieldErrors(create.error);
  if (setup.data?.owner_needed === false) {
    return (
      <section className={classes.form}>
        <h1>{t("account.taken")}</h1>
        <p className={classes.lead}>{t("account.taken_hint")}</p>
        <div>
          <Button component="a" href="/sign-in">
            {t("app:auth.sign_in")}
          </Button>
        </div>
      </section>
    );
  }
  if (token === "") {
    return (
      <section className={classes.form}>
        <h1>{t("app:auth.owner_needed")}</h1>
        <p className={classes.lead}>{t("app:auth.owner_needed_how")}</p>
      </section>
    );
  }
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate();
      }}
    >
      <h1>{t("account.title")}</h1>
      <p className={classes.lead}>{t("account.lead")}</p>
      <AccountFields value={account} change={setAccount} errors={errors} />
      {create.isError && <InlineError error={create.error} />}
      <div className={classes.buttons}>
        <Button type="submit" loading={create.isPending}>
          {t("account.button")}
        </Button>
      </div>
    </form>
  );
}
