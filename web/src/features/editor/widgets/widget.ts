// What every control of the inspector is given: the closed list of widgets is `SchemaField`'s map, and this is its one contract.

import type { ReactNode } from "react";

import type { Path } from "~/lib/document/pointer";
import type { Family, Json, JsonObject, Problem, Schema } from "~/lib/document/types";
import type { Kind } from "~/lib/expression/kind";
import type { Source } from "~/lib/expression/values";

export interface FormScope {
  step: string;
  family: Family | null;
  sources: readonly Source[];
  /** What settings for one entry of the step's list read instead (`x-scope`). */
  inside: readonly Source[];
  /** Problems of this step, with pointers relative to its config. */
  problems: ReadonlyArray<Problem & { path: string[] }>;
  definitions: Record<string, Schema>;
  config: JsonObject;
  schema: Schema;
  set: (path: Path, value: Json | undefined, label: string) => void;
  goTo: (step: string) => void;
  /** Whether anything reads this step's value of that name. */
  isRead: (name: string) => boolean;
}

export interface WidgetProps {
  scope: FormScope;
  schema: Schema;
  path: Path;
  label: string;
  help: ReactNode;
  error: ReactNode;
  required: boolean;
  value: Json | undefined;
  wanted: Kind | null;
  onChange: (value: Json | undefined) => void;
}
