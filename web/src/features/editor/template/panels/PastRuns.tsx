// Any past run that could have filled in the document, found on the server, to be kept as a sample.

import { Button, Modal, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { Search } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { useFocusBack } from "~/ui/focus";
import { Loading } from "~/ui/Page";
import { ErrorPanel, InlineError } from "~/ui/Problem";
import { State } from "~/ui/State";
import { findRuns, takeSample } from "../api";
import type { PastRun, PastRunsQuery } from "../api";
import { useTemplateStore } from "../state";
import type { MadeProps } from "./SampleMenu";
import panels from "~/features/editor/panels/panels.module.css";
import classes from "../template.module.css";

interface Props extends MadeProps {
  users: ReadonlyArray<{ id: string; name: string }>;
  /** A name for the sample that is free. */
  name: (wanted: string) => string;
}

const PAUSE_MS = 250;
/** The title of a run may be longer than the name of a sample, which also needs room for what tells it apart. */
const MOST_LETTERS = 90;

export default function PastRuns({ users, name, button, onClose, onMade }: Props) {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const [query, setQuery] = useState<PastRunsQuery>({});
  const [asked] = useDebouncedValue(query, PAUSE_MS);
  useFocusBack(button);
  const runs = useInfiniteQuery({
    queryKey: [...keys.runs, "of", store.id, asked],
    queryFn: ({ pageParam }) => findRuns(store.id, asked, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  });
  const take = useMutation({
    mutationFn: (run: PastRun) => takeSample(store.id, name((run.title || t("sample.run")).slice(0, MOST_LETTERS)), run.id),
    onSuccess: onMade,
  });
  const set = (change: PastRunsQuery) => setQuery((before) => ({ ...before, ...change }));
  const filtered = Object.values(query).some(Boolean);
  const shown = runs.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Modal opened onClose={onClose} title={t("sample.pastTitle")} size="lg" closeButtonProps={{ "aria-label": t("close") }}>
      <div className={classes["pastFilters"]} role="search" aria-label={t("sample.pastTitle")}>
        <TextInput
          data-autofocus type="search" className={classes["pastText"]} label={t("sample.search")} description={t("sample.searchHelp")} leftSection={<Search size={14} aria-hidden />}
          value={query.q ?? ""} maxLength={200} onChange={(event) => set({ q: event.currentTarget.value })}
        />
        <Select
          label={t("sample.workflow")} placeholder={t("sample.allWorkflows")} clearable value={query.workflow ?? null}
          data={users.map((user) => ({ value: user.id, label: user.name }))} onChange={(workflow) => set({ workflow: workflow ?? undefined })}
        />
        <TextInput type="date" label={t("sample.from")} value={query.from ?? ""} max={query.until || undefined} onChange={(event) => set({ from: event.currentTarget.value })} />
        <TextInput type="date" label={t("sample.until")} value={query.until ?? ""} min={query.from || undefined} onChange={(event) => set({ until: event.currentTarget.value })} />
      </div>
      {take.isError && <InlineError error={take.error} />}
      {runs.isError && <ErrorPanel error={runs.error} retry={() => void runs.refetch()} />}
      {runs.isPending && <Loading lines={4} />}
      {runs.data && shown.length === 0 && !runs.isPlaceholderData && (
        <div className={classes["pastNone"]} role="status">
          <p className={panels["meta"]}>{filtered ? t("sample.noneFit") : t("sample.noRuns")}</p>
          {filtered && <Button size="xs" variant="default" onClick={() => setQuery({})}>{t("sample.showAll")}</Button>}
        </div>
      )}
      {shown.length > 0 && (
        <ul className={classes["past"]} aria-label={t("sample.runs")} aria-busy={runs.isPlaceholderData}>
          {shown.map((run) => (
            <Found key={run.id} run={run} busy={take.isPending && take.variables.id === run.id} use={() => take.mutate(run)} />
          ))}
        </ul>
      )}
      {runs.hasNextPage && (
        <div className={panels["foot"]}>
          <Button variant="default" size="xs" loading={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>{t("app:common.load_more")}</Button>
        </div>
      )}
    </Modal>
  );
}

function Found({ run, busy, use }: { run: PastRun; busy: boolean; use: () => void }) {
  const { t } = useTranslation("template");
  const format = useFormat();
  const title = run.title || t("sample.run");
  return (
    <li className={panels["version"]}>
      <div>
        <b style={{ fontWeight: 500 }}>{title}</b>
        <div className={panels["meta"]} title={format.exact(run.created_at)}>{[run.workflow.name, format.when(run.created_at)].filter(Boolean).join(" · ")}</div>
      </div>
      <State state={run.state} />
      <Button size="xs" variant="default" loading={busy} aria-label={t("sample.useNamed", { name: title })} onClick={use}>{t("sample.use")}</Button>
    </li>
  );
}
