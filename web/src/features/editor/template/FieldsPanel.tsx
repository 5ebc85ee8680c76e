// The typed fields that the document declares: what workflows fill in, and where each is read.

import { Info } from "lucide-react";
import { useTranslation } from "react-i18next";

import type { JsonObject } from "~/lib/document/types";
import type { KindName } from "~/lib/expression/kind";
import { blockAt, pathOf } from "~/lib/template/blocks";
import { usersOf, withFields } from "~/lib/template/edits";
import { FieldList } from "../widgets/OutputFields";
import { useBlockCommands } from "./commands";
import { useTemplate, useTemplateStore } from "./state";
import { blockTitle } from "./words";
import classes from "./template.module.css";

const KINDS: readonly KindName[] = ["text", "integer", "decimal", "money", "date", "time", "instant", "yes_no", "choice", "list", "record", "file"];

export function FieldsPanel() {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const template = useTemplate();
  return (
    <div className={classes["fields"]}>
      <FieldList
        label={t("fields.label")} value={template["fields"]} depth={0} kinds={KINDS}
        onChange={(fields) => store.edit(t("label.fields"), (current) => withFields(current, fields), "fields")}
        note={(field) => <Users field={field} />}
      />
      <p className={classes["hint"]}><Info size={14} aria-hidden />{t("fields.help")}</p>
    </div>
  );
}

function Users({ field }: { field: JsonObject }) {
  const { t } = useTranslation("template");
  const template = useTemplate();
  const commands = useBlockCommands();
  const users = usersOf(template, String(field["name"] ?? ""));
  if (users.length === 0) return <p className={classes["hint"]}>{t("fields.unused")}</p>;
  return (
    <div>
      <div className={classes["small"]}>{t("fields.users")}</div>
      <ul className={classes["users"]}>
        {users.map((id) => {
          const path = pathOf(template, id);
          const block = path ? blockAt(template, path) : null;
          return block && <li key={id}><button type="button" className="link" onClick={() => commands.select(id)}>{blockTitle(block, t)}</button></li>;
        })}
      </ul>
    </div>
  );
}
