/* The shapes of tables as the API sends and takes them. */
import type { components } from "~/api/generated";
import type { Kind } from "~/lib/expression/kind";

type Wire = components["schemas"];

export type Cells = Record<string, unknown>;
/** A column: its kind's own settings stand beside its name. */
export type Column = { name: string; title?: string; optional?: boolean; currency?: string } & Kind;
export type TableItem = Omit<Wire["TableOut"], "columns"> & { columns: Column[] };
export type Row = Omit<Wire["RowOut"], "cells"> & { cells: Cells };
export type RowsAnswer = Omit<Wire["RowsOut"], "items"> & { items: Row[] };
export type ImportAnswer = Omit<Wire["ImportOut"], "sample"> & { sample: Cells[] };

type Place = { after?: string; first?: boolean };
export type RowChange =
  | ({ op: "add"; id: string; cells: Cells } & Place)
  | { op: "set"; row: string; revision: number; cells: Cells }
  | ({ op: "move"; row: string } & Place)
  | { op: "delete"; row: string; revision: number };

export const titleOf = (column: Column): string => column.title || column.name;
