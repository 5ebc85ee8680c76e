import { Button, SegmentedControl, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Plus, Search } from "lucide-react";
import { lazy, Suspense, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { useKeys } from "~/lib/keyboard";
import { keys } from "~/lib/queries";
import { Empty, Loading, Page } from "~/ui/Page";
import { ErrorPanel } from "~/ui/Problem";
import { Gallery } from "./Gallery";
import { ImportButton } from "./ImportButton";
import { WorkflowTable } from "./WorkflowTable";
import classes from "./Workflows.module.css";

const NewWorkflow = lazy(() => import("./NewWorkflow"));

type Show = "all" | "live" | "draft";
const HIDDEN = "formwork-examples-hidden";

export interface WorkflowsSearch {
  show?: Show;
  q?: string;
  new?: boolean;
}

export function WorkflowsPage() {
  const { t } = useTranslation();
  const search: WorkflowsSearch = useSearch({ strict: false });
  const navigate = useNavigate();
  const filter = useRef<HTMLInputElement>(null);
  const [hidden, setHidden] = useState(() => localStorage.getItem(HIDDEN) === "yes");
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const set = (change: WorkflowsSearch) => void navigate({ to: "/workflows", search: { ...search, ...change }, replace: true });
  const workflows = useQuery({ queryKey: keys.workflows, queryFn: () => ask(api.GET("/api/workflows")) });
  useKeys({
    n: () => set({ new: true }),
    "/": () => filter.current?.focus(),
  });
  const all = (workflows.data?.items ?? []).filter((item) => !gone.has(item.id));
  const show = search.show ?? "all";
  const words = (search.q ?? "").toLocaleLowerCase();
  const shown = all.filter(
    (item) =>
      (show === "all" || (show === "live" ? item.state === "live" : item.state !== "live")) &&
      (item.name.toLocaleLowerCase().includes(words) || item.slug.includes(words)),
  );
  const hide = (value: boolean) => {
    localStorage.setItem(HIDDEN, value ? "yes" : "no");
    setHidden(value);
  };
  return (
    <Page
      title={t("nav.workflows")}
      actions={
        <>
          <ImportButton />
          <Button leftSection={<Plus size={16} strokeWidth={1.75} />} onClick={() => set({ new: true })} aria-keyshortcuts="N">
            {t("workflows.new")}
          </Button>
        </>
      }
    >
      {hidden && all.length > 0 ? null : <Gallery hide={all.length > 0 ? () => hide(true) : undefined} />}
      {workflows.isError && <ErrorPanel error={workflows.error} retry={() => void workflows.refetch()} />}
      {(workflows.isPending || all.length > 0) && (
        <section>
          <div className={classes.bar}>
            <h2>{t("workflows.yours")}</h2>
            <SegmentedControl
              aria-label={t("workflows.show")}
              value={show}
              onChange={(value) => set({ show: value === "all" ? undefined : (value as Show) })}
              data={(["all", "live", "draft"] as const).map((value) => ({ value, label: t(`workflows.shows.${value}`) }))}
            />
            <span className={classes.space} />
            {hidden && (
              <Button variant="subtle" color="gray" size="xs" onClick={() => hide(false)}>
                {t("workflows.show_examples")}
              </Button>
            )}
            <TextInput
              ref={filter}
              variant="unstyled"
              className={classes.filter}
              leftSection={<Search size={15} strokeWidth={1.75} />}
              aria-label={t("workflows.filter")}
              placeholder={t("workflows.filter")}
              value={search.q ?? ""}
              onChange={(event) => set({ q: event.currentTarget.value || undefined })}
            />
          </div>
          {workflows.isPending ? (
            <Loading />
          ) : shown.length === 0 ? (
            <Empty
              action={
                <Button variant="default" onClick={() => set({ show: undefined, q: undefined })}>
                  {t("workflows.show_all")}
                </Button>
              }
            >
              {t("workflows.none_fit")}
            </Empty>
          ) : (
            <WorkflowTable items={shown} setGone={(id, on) => setGone((before) => change(before, id, on))} />
          )}
        </section>
      )}
      <Suspense>{search.new === true && <NewWorkflow close={() => set({ new: undefined })} />}</Suspense>
    </Page>
  );
}

function change(before: ReadonlySet<string>, id: string, on: boolean): ReadonlySet<string> {
  const after = new Set(before);
  if (on) after.add(id);
  else after.delete(id);
  return after;
}
