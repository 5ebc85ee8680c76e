/* One table: its rows as a spreadsheet, its columns, search and sorting, CSV in and out. */
import { ActionIcon, Button, Menu, TextInput, Tooltip } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { ChevronLeft, Columns3, Download, Plus, Redo2, Search, Trash2, Undo2, Upload } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { FileChoice } from "~/ui/FileChoice";
import { api, ask } from "~/api/client";
import { keys } from "~/lib/queries";
import { useTitle } from "~/lib/title";
import { DeleteDialog } from "~/ui/DeleteDialog";
import { Loading } from "~/ui/Page";
import { ErrorPanel, errorLine, InlineError, isGone } from "~/ui/Problem";
import { say } from "~/ui/Toasts";
import { cellText, openedText } from "./cells";
import { ColumnDialog, LossDialog, useLayout } from "./ColumnDialog";
import { useFirmLocale } from "./firm";
import { block, cellKey, Grid, type Menu as Opened, type Place } from "./Grid";
import { ImportDialog } from "./ImportDialog";
import { useMessages } from "./messages";
import { shown, type View } from "./rows";
import classes from "./tables.module.css";
import { type Column, type Row, type RowChange, type TableItem, titleOf } from "./types";
import { type Draft, type Refused, useDrafts } from "./useDrafts";
import { useTable } from "./useTable";

/** Who came by keyboard goes on in the grid. */
function toGrid(): void {
  document.querySelector<HTMLElement>("[role=grid]")?.focus({ preventScroll: true });
}

const UNKNOWN: Column = { name: "", kind: "any" };

/** Rows that are pasted at once. */
const MOST_PASTED = 1_000;

export function TablePage() {
  const { id = "" } = useParams({ strict: false });
  const ready = useMessages();
  return ready ? <OpenTable key={id} id={id} /> : <Loading lines={6} />;
}

function OpenTable({ id }: { id: string }) {
  const { t, i18n } = useTranslation("tables");
  const locale = useFirmLocale();
  const { table, rows, change, refresh, saving, undo, redo } = useTable(id, locale);
  const drafts = useDrafts(table.data);
  const [view, setView] = useState<View>({ search: "", sort: null });
  const [active, setActive] = useState<Place>({ row: 0, column: 0 });
  const [anchor, setAnchor] = useState<Place | null>(null);
  const [menu, setMenu] = useState<Opened | null>(null);
  const [editing, setEditing] = useState<{ index: number | null } | null>(null);
  const [file, setFile] = useState<File | null>(null);
  const layout = useLayout(table.data, locale, () => setMenu(null));
  useTitle(table.data?.name);
  const columns = useMemo(() => table.data?.columns ?? [], [table.data]);
  const known = rows.data?.rows;
  const viewed = useMemo(
    () => shown(known ?? [], columns, view, (column, cell) => cellText(column, cell, locale), i18n.language),
    [known, columns, view, locale, i18n.language],
  );
  const all = drafts.placed(viewed);
  const inOrder = view.search.trim() === "" && view.sort === null;

  const tell = async (error: unknown) => say(await errorLine(error));
  /** Gives what is left to be sent. What was typed stays in its cells with what is wrong with it; where nothing was typed, that is said. */
  const attempt = async (changes: RowChange[]): Promise<RowChange[]> => {
    drafts.sending(changes);
    try {
      await change(changes);
      drafts.taken(changes);
      return [];
    } catch (error) {
      const rest = await drafts.refuse(error, changes);
      if (changes.some((one) => one.op === "move" || one.op === "delete")) await tell(error);
      return rest;
    } finally {
      drafts.answered(changes);
    }
  };
  const send = async (changes: RowChange[]): Promise<void> => {
    let left = changes;
    while (left.length > 0) left = await attempt(left);
  };
  const isDraft = ({ id }: { id: string }) => drafts.needs.has(id);

  const saveDraft = (draft: Draft) => {
    drafts.set(draft);
    if (drafts.missing(draft).length === 0) void send([{ op: "add", ...draft }]);
  };
  const insert = (draft: Omit<Draft, "id">) => {
    const fresh: Draft = { id: crypto.randomUUID(), ...draft };
    if (drafts.missing(fresh).length > 0) drafts.add(fresh);
    else void send([{ op: "add", ...fresh }]);
  };
  const commit = (id: string, column: Column, typed: unknown, seen: Row) => {
    const row = all.find((one) => one.id === id);
    if (row === undefined) return say(t("rowGone"));
    const key = cellKey(id, column.name);
    const isBad = drafts.bad.has(key);
    drafts.good([key]);
    const draft = drafts.drafts.find((one) => one.id === row.id);
    if (draft) return saveDraft({ ...draft, cells: { ...draft.cells, [column.name]: typed } });
    const [cell, opened] = [row.cells[column.name] ?? null, seen.cells[column.name] ?? null];
    const sent = drafts.typed.get(key);
    if (!isBad && (sent === undefined ? cell : sent) === typed) return;
    // What somebody else wrote into this very cell while it was open is refused by the server rather than overwritten.
    const isOther = JSON.stringify(cell) !== JSON.stringify(opened);
    void send([{ op: "set", row: id, revision: isOther ? seen.revision : row.revision, cells: { [column.name]: typed } }]);
  };
  const clear = (from: Place, to: Place) => {
    const named = columns.slice(Math.max(0, from.column), to.column + 1);
    const changes = all.slice(Math.max(0, from.row), to.row + 1).filter((row) => !isDraft(row)).map((row): RowChange => ({ op: "set", row: row.id, revision: row.revision, cells: Object.fromEntries(named.map((column) => [column.name, null])) }));
    if (from.column >= 0 && changes.length > 0) void send(changes);
  };
  const paste = (at: Place, cells: string[][]) => {
    if (cells.length > MOST_PASTED) return say(t("pasteTooMuch", { most: MOST_PASTED }));
    if (cells.some((line) => line.length > columns.length - at.column)) return say(t("pasteTooWide"));
    const changes = cells.flatMap((line, offset): RowChange[] => {
      const row = all[at.row + offset];
      const named = Object.fromEntries(line.map((text, index) => [columns[at.column + index]?.name ?? "", text]));
      if (row === undefined) return [{ op: "add", id: crypto.randomUUID(), cells: named }];
      const draft = drafts.drafts.find((one) => one.id === row.id);
      if (draft === undefined) return [{ op: "set", row: row.id, revision: row.revision, cells: named }];
      const fresh = { ...draft, cells: { ...draft.cells, ...named } };
      drafts.good(Object.keys(named).map((name) => cellKey(row.id, name)));
      drafts.set(fresh);
      return drafts.missing(fresh).length > 0 ? [] : [{ op: "add", ...fresh }];
    });
    // At once: later, somebody may be somewhere else already.
    setAnchor(at);
    setActive({ row: at.row + cells.length - 1, column: at.column + (cells[0]?.length ?? 1) - 1 });
    void send(changes);
  };
  /** The rows of the selection, or the one that the menu belongs to. */
  const chosen = (index: number): readonly Row[] => {
    const [from, to] = block(anchor ?? active, active);
    return index >= from.row && index <= to.row ? all.slice(Math.max(0, from.row), to.row + 1) : all.slice(index, index + 1);
  };
  const removeRows = (index: number) => {
    const going = chosen(index);
    const onWay = drafts.remove(going.filter(isDraft).map((row) => row.id));
    const changes = going.filter((row) => row.revision > 0 || onWay.includes(row.id)).map((row): RowChange => ({ op: "delete", row: row.id, revision: row.revision }));
    if (changes.length > 0) void send(changes);
    setAnchor(null);
  };
  /** Sends once more what was refused. */
  const again = () => {
    toGrid();
    const rows = new Map(known?.map((row) => [row.id, row]));
    const changes = [...drafts.refused].flatMap(([id, { cells, revision }]): RowChange[] => {
      const row = rows.get(id);
      if (row !== undefined) return [{ op: "set", row: id, revision: revision || row.revision, cells }];
      return drafts.drafts.filter((draft) => draft.id === id).map((draft): RowChange => ({ op: "add", ...draft }));
    });
    const gone = [...drafts.refused.keys()].filter((id) => !rows.has(id) && !isDraft({ id }));
    if (gone.length > 0) say(t("rowGone"));
    // A new row that is there was saved, though the answer was lost.
    const there = [...drafts.refused.keys()].filter((id) => rows.has(id) && isDraft({ id }));
    drafts.forget([...gone, ...there]);
    for (let at = 0; at < changes.length; at += MOST_PASTED) void send(changes.slice(at, at + MOST_PASTED));
  };
  const takeTheirs = () => {
    toGrid();
    drafts.forget([...drafts.refused.keys()]);
  };
  const place = (index: number) => (index < 0 ? { first: true } : { after: all[index]?.id });
  const move = (index: number, by: -1 | 1) => {
    const row = all[index];
    if (row === undefined || isDraft(row)) return;
    void send([{ op: "move", row: row.id, ...place(by === -1 ? index - 2 : index + 1) }]);
    setActive({ row: index + by, column: active.column });
  };
  const closeMenu = () => {
    setMenu(null);
    toGrid();
  };
  const take = (step: (() => Promise<void>) | null) => step && (() => void step().catch(tell));

  if (table.isError && (!table.data || isGone(table.error))) return <ErrorPanel error={table.error} retry={() => void table.refetch()} />;
  if (rows.isError && !known) return <ErrorPanel error={rows.error} retry={() => void rows.refetch()} />;
  if (!table.data || !known) return <Loading lines={8} />;
  const saved = table.data;
  const waiting = drafts.drafts.find((draft) => drafts.missing(draft).length > 0);
  const names = (missing: readonly string[]) => missing.map((name) => titleOf(columns.find((column) => column.name === name) ?? UNKNOWN)).join(", ");
  return (
    <div className={classes.page}>
      <Bar
        table={saved} view={view} setView={setView} count={viewed.length} saving={saving || drafts.isSending} bad={Math.max(drafts.bad.size, drafts.isSending ? 0 : drafts.refused.size)} undo={take(undo)} redo={take(redo)} locale={locale}
        addColumn={() => setEditing({ index: null })} setFile={setFile}
      />
      {waiting && <div className={classes.note} role="status">{t("grid.fillIn", { columns: names(drafts.missing(waiting)) })}</div>}
      {drafts.refused.size > 0 && <NotTaken refused={[...drafts.refused.values()]} again={again} leave={takeTheirs} />}
      {!inOrder && view.sort !== null && <div className={classes.note}>{t("grid.sorted")}</div>}
      <Grid
        name={saved.name} columns={columns} nameColumn={saved.name_column ?? null} rows={all} drafts={drafts.needs} typed={drafts.typed} bad={drafts.bad} locale={locale} sort={view.sort}
        active={active} setActive={setActive} anchor={anchor} setAnchor={setAnchor} commit={commit} clear={clear} paste={paste} openMenu={setMenu}
        addRow={() => { if (inOrder && !waiting) insert({ cells: {} }); }} undo={take(undo)} redo={take(redo)}
      />
      {all.length === 0 && <p className={classes.under}>{known.length === 0 ? t("empty") : t("nothingFound")}</p>}
      <div className={classes.foot}>
        <Button
          size="xs" variant="default" leftSection={<Plus size={14} />}
          onClick={() => { setView({ search: "", sort: null }); insert({ cells: {} }); setActive({ row: known.length + drafts.drafts.length, column: 0 }); }}
        >
          {t("addRow")}
        </Button>
        <span className={classes.meta}>{inOrder ? t("rows", { count: known.length }) : t("found", { count: viewed.length, all: known.length })}</span>
      </div>
      {menu && <Menu opened onClose={closeMenu} position="bottom-start" withinPortal returnFocus={false}>
        <Menu.Target>
          <button
            type="button" tabIndex={-1} className={classes.anchor} style={{ left: menu.at.x, top: menu.at.y }}
            aria-label={menu.kind === "row" ? t("grid.rowMenu", { number: menu.index + 1 }) : t("grid.columnMenu", { title: titleOf(columns[menu.index] ?? UNKNOWN) })}
          />
        </Menu.Target>
        <Menu.Dropdown>
          {menu.kind === "row" && (
            <>
              {inOrder && <Menu.Item onClick={() => insert({ cells: {}, ...place(menu.index - 1) })}>{t("grid.insertAbove")}</Menu.Item>}
              {inOrder && <Menu.Item onClick={() => insert({ cells: {}, ...place(menu.index) })}>{t("grid.insertBelow")}</Menu.Item>}
              <Menu.Item onClick={() => insert({ cells: copied(all[menu.index], saved, drafts.typed, locale), ...(inOrder ? place(menu.index) : {}) })}>{t("grid.duplicate")}</Menu.Item>
              {inOrder && <Menu.Item disabled={menu.index === 0} onClick={() => move(menu.index, -1)}>{t("grid.up")}</Menu.Item>}
              {inOrder && <Menu.Item disabled={menu.index >= all.length - 1} onClick={() => move(menu.index, 1)}>{t("grid.down")}</Menu.Item>}
              <Menu.Divider />
              <Menu.Item className={classes.danger} onClick={() => removeRows(menu.index)}>{t("grid.deleteRows", { count: chosen(menu.index).length })}</Menu.Item>
            </>
          )}
          {menu.kind === "column" && <ColumnMenu table={saved} index={menu.index} setView={setView} edit={() => setEditing({ index: menu.index })} save={(next) => layout.save.mutate({ layout: next, accept_loss: false })} />}
        </Menu.Dropdown>
      </Menu>}
      {layout.losses && layout.save.variables && (
        <LossDialog losses={layout.losses} busy={layout.save.isPending} close={() => layout.save.reset()} accept={() => layout.save.variables && layout.save.mutate({ ...layout.save.variables, accept_loss: true })} />
      )}
      {layout.save.isError && !layout.losses && <InlineError error={layout.save.error} />}
      {editing && <ColumnDialog table={saved} index={editing.index} locale={locale} close={() => setEditing(null)} />}
      {file && <ImportDialog table={saved} file={file} locale={locale} close={() => setFile(null)} done={() => void refresh()} />}
    </div>
  );
}

/** What was typed and not taken, and what can be done about it. */
function NotTaken({ refused, again, leave }: { refused: readonly Refused[]; again: () => void; leave: () => void }) {
  const { t } = useTranslation("tables");
  const isOver = refused.some((one) => one.revision === null);
  return (
    <div className={`${classes.note} ${classes.refused}`} role="alert">
      <span>{t("refused", { count: refused.length })} {[...new Set(refused.map((one) => one.problem))].join(" ")}</span>
      <Button size="xs" variant="default" onClick={again}>{t(isOver ? "over" : "again")}</Button>
      <Button size="xs" variant="default" onClick={leave}>{t("leave")}</Button>
    </div>
  );
}

/** A row's cells as somebody would type them; its name is its own and stays behind. */
function copied(row: Row | undefined, table: TableItem, typed: ReadonlyMap<string, unknown>, locale: string): Record<string, unknown> {
  const cells = table.columns.filter((column) => column.name !== table.name_column).map((column) => {
    const sent = typed.get(cellKey(row?.id ?? "", column.name));
    const cell = sent === undefined ? (row?.cells[column.name] ?? null) : sent;
    return [column.name, typeof cell === "boolean" || cell === null ? cell : openedText(column, cell, sent, locale)];
  });
  return Object.fromEntries(cells) as Record<string, unknown>;
}

function ColumnMenu({ table, index, setView, edit, save }: {
  table: TableItem; index: number; setView: (change: (view: View) => View) => void; edit: () => void; save: (layout: { columns: Column[]; name_column: string | null }) => void;
}) {
  const { t } = useTranslation("tables");
  const column = table.columns[index];
  if (column === undefined) return null;
  const sort = (down: boolean | null) => setView((view) => ({ ...view, sort: down === null ? null : { column: column.name, down } }));
  const name_column = table.name_column ?? null;
  const moved = (by: -1 | 1) => {
    const columns = table.columns.filter((_, at) => at !== index);
    columns.splice(index + by, 0, column);
    save({ columns, name_column });
  };
  return (
    <>
      <Menu.Item onClick={() => sort(false)}>{t("grid.sortUp")}</Menu.Item>
      <Menu.Item onClick={() => sort(true)}>{t("grid.sortDown")}</Menu.Item>
      <Menu.Item onClick={() => sort(null)}>{t("grid.sortNone")}</Menu.Item>
      <Menu.Divider />
      <Menu.Item onClick={edit}>{t("grid.edit")}</Menu.Item>
      <Menu.Item disabled={index === 0} onClick={() => moved(-1)}>{t("grid.columnLeft")}</Menu.Item>
      <Menu.Item disabled={index === table.columns.length - 1} onClick={() => moved(1)}>{t("grid.columnRight")}</Menu.Item>
      <Menu.Divider />
      <Menu.Item
        className={classes.danger} disabled={table.columns.length === 1}
        onClick={() => save({ columns: table.columns.filter((_, at) => at !== index), name_column: name_column === column.name ? null : name_column })}
      >
        {t("grid.columnDelete")}
      </Menu.Item>
    </>
  );
}

interface BarProps {
  table: TableItem;
  view: View;
  setView: (change: (view: View) => View) => void;
  count: number;
  saving: boolean;
  bad: number;
  undo: (() => void) | null;
  redo: (() => void) | null;
  locale: string;
  addColumn: () => void;
  setFile: (file: File) => void;
}

function Bar({ table, view, setView, saving, bad, undo, redo, locale, addColumn, setFile }: BarProps) {
  const { t } = useTranslation("tables");
  const [name, setName] = useState<string | null>(null);
  const rename = useLayout(table, locale, () => setName(null));
  const [deleting, setDeleting] = useState(false);
  const submit = () => {
    const next = name?.trim() ?? "";
    if (next === "" || next === table.name) setName(null);
    else rename.save.mutate({ layout: { name: next, columns: table.columns, name_column: table.name_column ?? null }, accept_loss: false });
  };
  return (
    <header className={classes.bar}>
      <Link to="/tables" className="link" aria-label={t("back")}><ChevronLeft size={18} aria-hidden /></Link>
      <h1 className={classes.hidden}>{table.name}</h1>
      <input
        className={classes.name} aria-label={t("name")} value={name ?? table.name} maxLength={200} onChange={(event) => setName(event.currentTarget.value)} onBlur={submit}
        onKeyDown={(event) => { if (event.key === "Enter") event.currentTarget.blur(); }}
      />
      <span className={bad > 0 ? classes.bad : classes.meta} role="status">{bad > 0 ? t("notSaved", { count: bad }) : saving ? t("saving") : t("saved")}</span>
      {rename.save.isError && <InlineError error={rename.save.error} />}
      <div className={classes.grow} />
      <TextInput className={classes.search} size="xs" type="search" aria-label={t("search")} placeholder={t("search")} leftSection={<Search size={14} aria-hidden />} value={view.search} onChange={(event) => { const search = event.currentTarget.value; setView((before) => ({ ...before, search })); }} />
      <Tooltip label={t("undo")}><ActionIcon variant="subtle" aria-label={t("undo")} disabled={undo === null} onClick={() => undo?.()}><Undo2 size={16} /></ActionIcon></Tooltip>
      <Tooltip label={t("redo")}><ActionIcon variant="subtle" aria-label={t("redo")} disabled={redo === null} onClick={() => redo?.()}><Redo2 size={16} /></ActionIcon></Tooltip>
      <Button size="xs" variant="default" leftSection={<Columns3 size={14} />} onClick={addColumn}>{t("addColumn")}</Button>
      <FileChoice accept=".csv,.tsv,.txt,text/csv,text/tab-separated-values" onChoose={setFile}>
        {(props) => <Button {...props} size="xs" variant="default" leftSection={<Upload size={14} />}>{t("import")}</Button>}
      </FileChoice>
      <Button size="xs" variant="default" component="a" href={`/api/tables/${table.id}/export?locale=${locale}`} download={`${table.name}.csv`} leftSection={<Download size={14} />}>{t("export")}</Button>
      <Tooltip label={t("delete")}><ActionIcon variant="subtle" aria-label={t("delete")} onClick={() => setDeleting(true)}><Trash2 size={16} /></ActionIcon></Tooltip>
      {deleting && <DeleteTable table={table} close={() => setDeleting(false)} />}
    </header>
  );
}

function DeleteTable({ table, close }: { table: TableItem; close: () => void }) {
  const { t } = useTranslation("tables");
  const client = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => ask(api.DELETE("/api/tables/{id}", { params: { path: { id: table.id } } })),
    onSuccess: async () => {
      await navigate({ to: "/tables" });
      client.removeQueries({ queryKey: keys.table(table.id) });
      void client.invalidateQueries({ queryKey: keys.tables });
    },
  });
  return (
    <DeleteDialog
      title={t("deleteTitle", { name: table.name })} button={t("delete")} users={table.used_by} used={t("deleteUsed", { count: table.used_by.length })}
      busy={remove.isPending} error={remove.error} remove={() => remove.mutate()} close={close}
    >
      <p>{t("deleteWhat", { count: table.row_count })}</p>
    </DeleteDialog>
  );
}
