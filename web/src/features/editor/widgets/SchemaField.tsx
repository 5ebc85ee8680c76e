// The inspector's form, made from a catalogue's JSON Schema alone. The map below is the closed list of widgets; a name that is not
// in it falls back to the control of the value's JSON type.

import { ChevronRight, TriangleAlert } from "lucide-react";
import { useState } from "react";
import type { ComponentType } from "react";
import { useTranslation } from "react-i18next";

import { getAt, isObject } from "~/lib/document/pointer";
import type { Path } from "~/lib/document/pointer";
import type { Json, Schema } from "~/lib/document/types";
import type { Kind } from "~/lib/expression/kind";
import { problemText } from "~/ui/server-words/words";
import { DurationWidget, JsonWidget, ListWidget, NumberWidget, ObjectWidget, SelectWidget, TemplateWidget, TextWidget, TextareaWidget, ToggleWidget, ValueWidget } from "./basic";
import { ComputedFieldsWidget } from "./ComputedFields";
import { DocumentFieldsWidget, DocumentFieldWidget } from "./DocumentFields";
import { FormFieldsWidget } from "./FormFields";
import { KeyValueWidget } from "./KeyValue";
import { OutputFieldsWidget } from "./OutputFields";
import { CredentialWidget, DocumentWidget, EndpointWidget, MembersWidget, ModelWidget, SeriesWidget, WorkflowWidget } from "./resources";
import { RulesWidget } from "./Rules";
import { TableColumnWidget, TableConditionsWidget, TableWidget } from "./tables";
import { deref, helpOf, labelOf, matters, propertiesOf, widgetOf } from "./schema";
import type { FormScope, WidgetProps } from "./widget";
import classes from "./widgets.module.css";

const WIDGETS: Record<string, ComponentType<WidgetProps>> = {
  text: TextWidget,
  textarea: TextareaWidget,
  template: TemplateWidget,
  number: NumberWidget,
  toggle: ToggleWidget,
  select: SelectWidget,
  list: ListWidget,
  object: ObjectWidget,
  key_value: KeyValueWidget,
  form_fields: FormFieldsWidget,
  computed_fields: ComputedFieldsWidget,
  rules: RulesWidget,
  model: ModelWidget,
  document: DocumentWidget,
  document_field: DocumentFieldWidget,
  document_fields: DocumentFieldsWidget,
  table: TableWidget,
  table_column: TableColumnWidget,
  table_conditions: TableConditionsWidget,
  endpoint: EndpointWidget,
  credential: CredentialWidget,
  members: MembersWidget,
  series: SeriesWidget,
  workflow: WorkflowWidget,
  output_fields: OutputFieldsWidget,
  value: ValueWidget,
  duration: DurationWidget,
  json: JsonWidget,
};
const KNOWN = new Set(Object.keys(WIDGETS));

interface FieldProps {
  scope: FormScope;
  schema: Schema;
  path: Path;
  label: string;
  required?: boolean;
  wanted?: Kind | null;
}

export function SchemaField({ scope, schema, path, label, required = false, wanted = null }: FieldProps) {
  const real = { ...deref(schema, scope.definitions), ...("x-widget" in schema ? { "x-widget": schema["x-widget"] } : {}) };
  const Widget = WIDGETS[widgetOf(schema, scope.definitions, KNOWN)] ?? JsonWidget;
  const at = path.map(String);
  const own = scope.problems.filter((problem) => problem.path.length >= at.length && at.every((part, index) => problem.path[index] === part));
  // A composed widget shows the deeper ones itself, at their place.
  const here = own.filter((problem) => problem.path.length === at.length);
  const words = (severity: "error" | "warning") =>
    here.filter((problem) => problem.severity === severity).map(problemText).join(" ") || null;
  const warning = words("warning");
  return (
    <div data-path={at.join("/")}>
      <Widget
        scope={schema["x-scope"] ? { ...scope, sources: scope.inside } : scope}
        schema={real}
        path={path}
        label={label}
        help={helpOf(schema, scope.definitions, label)}
        error={words("error")}
        required={required}
        wanted={wanted}
        value={getAt(scope.config, path)}
        onChange={(value: Json | undefined) => scope.set(path, value, label)}
      />
      {warning && <div className={classes["warnText"]}><TriangleAlert size={13} aria-hidden />{warning}</div>}
    </div>
  );
}

/** All properties of an object that matter now, the rare ones folded at the end. */
export function SchemaForm({ scope, schema, path }: { scope: FormScope; schema: Schema; path: Path }) {
  const { t } = useTranslation("editor");
  const values = getAt(scope.config, path);
  const inTrouble = (name: string) => scope.problems.some((problem) => problem.path[path.length] === name && path.every((part, index) => problem.path[index] === String(part)));
  // What does not matter is left out, unless it is what a problem is about.
  const properties = propertiesOf(schema).filter((property) => inTrouble(property.name) || matters(property.schema, schema.properties ?? {}, isObject(values) ? values : {}));
  const plain = properties.filter((property) => property.schema["x-group"] !== "advanced");
  const rare = properties.filter((property) => property.schema["x-group"] === "advanced");
  const troubled = rare.some((property) => inTrouble(property.name));
  const [open, setOpen] = useState(false);
  const shown = open || troubled;
  const field = (name: string, property: Schema, required: boolean) => (
    <SchemaField key={name} scope={scope} schema={property} path={[...path, name]} label={labelOf(name, property, scope.definitions)} required={required} />
  );
  return (
    <div className={classes["form"]}>
      {plain.map((property) => field(property.name, property.schema, property.required))}
      {rare.length > 0 && (
        <div className={classes["fold"]}>
          <button type="button" className={classes["foldButton"]} aria-expanded={shown} onClick={() => setOpen(!open)}>
            <ChevronRight size={15} aria-hidden />{t("setup.more")}
            <span>{rare.map((property) => labelOf(property.name, property.schema, scope.definitions)).slice(0, 2).join(", ")}</span>
          </button>
          {shown && <div className={classes["foldBody"]}>{rare.map((property) => field(property.name, property.schema, property.required))}</div>}
        </div>
      )}
    </div>
  );
}
