import { Button, Checkbox, Modal, Select, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ApiError, ask } from "~/api/client";
import { MAX_MONEY_DECIMALS } from "~/lib/expression/kind";
import { keys } from "~/lib/queries";
import { useFocusBack } from "~/ui/focus";
import { InlineError } from "~/ui/Problem";
import { choicesOf, columnName } from "./cells";
import { useFirmCurrency } from "./firm";
import classes from "./tables.module.css";
import { type Column, type TableItem, titleOf } from "./types";

/** How many decimals a column of amounts may have beyond those of its currency. */
const DECIMALS = Array.from({ length: MAX_MONEY_DECIMALS }, (_, at) => at + 1);

const KINDS = ["text", "integer", "decimal", "money", "date", "yes_no", "choice"] as const;

interface Layout {
  name?: string;
  columns: Column[];
  name_column: string | null;
}

interface Loss {
  column: string;
  title: string;
  removed: boolean;
  cells: number;
  example: string;
}

/** Saves other columns; what that would lose comes back as `losses` until it is accepted. */
export function useLayout(table: TableItem | undefined, locale: string, done: () => void) {
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: ({ layout, accept_loss }: { layout: Layout; accept_loss: boolean }) => {
      const body = { base_version: table?.version ?? 0, name: layout.name ?? table?.name ?? "", columns: layout.columns, name_column: layout.name_column, accept_loss, locale };
      return ask(api.PUT("/api/tables/{id}", { params: { path: { id: table?.id ?? "" } }, body: body as never }));
    },
    onSuccess: (saved) => {
      client.setQueryData(keys.table(saved.id), saved);
      void client.invalidateQueries({ queryKey: keys.table(saved.id) });
      done();
    },
  });
  const problem = save.error instanceof ApiError ? save.error.problem : null;
  const current = problem?.type === "cells_lost" ? (problem.current as { losses: Loss[] } | null) : null;
  return { save, losses: current?.losses ?? null };
}

export function Losses({ losses }: { losses: readonly Loss[] }) {
  const { t } = useTranslation("tables");
  return (
    <div role="alert">
      <p style={{ fontWeight: 600 }}>{t("column.lossTitle")}</p>
      <ul className={classes.loss}>
        {losses.map((loss) => (
          <li key={loss.column}>{loss.removed ? t("column.lossRemoved", { title: loss.title, cells: loss.cells, example: loss.example }) : t("column.lossCells", { title: loss.title, cells: loss.cells, example: loss.example })}</li>
        ))}
      </ul>
    </div>
  );
}

/** One column: its title, what stands in it, and whether rows are recognised by it. */
export function ColumnDialog({ table, index, locale, close }: { table: TableItem; index: number | null; locale: string; close: () => void }) {
  const { t } = useTranslation("tables");
  const currency = useFirmCurrency();
  useFocusBack();
  const old = index === null ? undefined : table.columns[index];
  const [title, setTitle] = useState(old ? titleOf(old) : "");
  const [kind, setKind] = useState<string>(old?.kind ?? "text");
  const [money, setMoney] = useState(old?.currency ?? currency);
  const [decimals, setDecimals] = useState(old?.kind === "money" ? (old.decimals ?? 0) : 0);
  const [options, setOptions] = useState(old?.kind === "choice" ? old.options.map((option) => option.value).join("\n") : "");
  const [optional, setOptional] = useState(old?.optional ?? true);
  const [isName, setIsName] = useState(old !== undefined && table.name_column === old.name);
  const { save, losses } = useLayout(table, locale, close);
  const name = old?.name ?? columnName(title, table.columns.map((column) => column.name));

  const column = (): Column => {
    const shared = { name, title: title.trim(), optional };
    if (kind === "money") return { ...shared, kind: "money", currency: money.trim().toUpperCase(), ...(decimals > 0 ? { decimals } : {}) };
    if (kind === "choice") return { ...shared, kind: "choice", options: choicesOf(options, old?.kind === "choice" ? old.options : []) };
    if (kind === "text") return { ...shared, kind: "text", ...(old?.kind === "text" && old.max_length ? { max_length: old.max_length } : {}) };
    return { ...shared, kind: kind as "integer" };
  };
  const submit = (event: FormEvent, accept_loss = false) => {
    event.preventDefault();
    const columns = index === null ? [...table.columns, column()] : table.columns.map((one, at) => (at === index ? column() : one));
    const wasName = table.name_column === name;
    const name_column = isName && kind === "text" ? name : wasName ? null : (table.name_column ?? null);
    save.mutate({ layout: { columns, name_column }, accept_loss });
  };
  return (
    <Modal opened onClose={close} title={old ? t("column.edit", { title: titleOf(old) }) : t("column.new")} closeButtonProps={{ "aria-label": t("close") }}>
      <form className={classes.form} onSubmit={submit}>
        <TextInput label={t("column.title")} value={title} data-autofocus onChange={(event) => setTitle(event.currentTarget.value)} description={name && t("column.shortName", { name })} />
        <Select label={t("column.kind")} data={KINDS.map((value) => ({ value, label: t(`kind.${value}`) }))} value={kind} allowDeselect={false} onChange={(next) => next && setKind(next)} />
        {kind === "money" && <TextInput label={t("column.currency")} value={money} maxLength={3} description={old?.kind === "money" ? t("column.currencyHint") : undefined} onChange={(event) => setMoney(event.currentTarget.value)} />}
        {kind === "money" && (
          <Select
            label={t("column.decimals")} allowDeselect={false} value={String(decimals)}
            data={[{ value: "0", label: t("column.currencyDecimals") }, ...DECIMALS.map((count) => ({ value: String(count), label: t("column.upToDecimals", { count }) }))]}
            onChange={(next) => setDecimals(Number(next ?? 0))}
          />
        )}
        {kind === "choice" && <Textarea label={t("column.options")} autosize minRows={3} maxRows={12} value={options} onChange={(event) => setOptions(event.currentTarget.value)} />}
        <Checkbox label={t("column.optional")} checked={optional} onChange={(event) => setOptional(event.currentTarget.checked)} />
        {kind === "text" && <Checkbox label={t("column.isName")} description={t("column.isNameHint")} checked={isName} onChange={(event) => setIsName(event.currentTarget.checked)} />}
        {losses ? <Losses losses={losses} /> : save.isError && <InlineError error={save.error} />}
        <div className={classes.buttons}>
          <Button variant="default" onClick={close}>{t("cancel")}</Button>
          {losses
            ? <Button variant="default" className={classes.danger} loading={save.isPending} onClick={(event) => submit(event, true)}>{t("column.accept")}</Button>
            : <Button type="submit" loading={save.isPending} disabled={title.trim() === ""}>{t("save")}</Button>}
        </div>
      </form>
    </Modal>
  );
}

/** Asks before a change of the columns takes content with it. */
export function LossDialog({ losses, busy, accept, close }: { losses: readonly Loss[]; busy: boolean; accept: () => void; close: () => void }) {
  const { t } = useTranslation("tables");
  useFocusBack();
  return (
    <Modal opened onClose={close} title={t("column.lossTitle")} closeButtonProps={{ "aria-label": t("close") }}>
      <Losses losses={losses} />
      <div className={classes.buttons}>
        <Button variant="default" onClick={close}>{t("cancel")}</Button>
        <Button variant="default" className={classes.danger} loading={busy} onClick={accept}>{t("column.accept")}</Button>
      </div>
    </Modal>
  );
}
