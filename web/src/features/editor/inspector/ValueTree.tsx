// Values as people read them: one line each with type, name and value; records open, lists show their entries.

import { ActionIcon, Tooltip } from "@mantine/core";
import { Copy } from "lucide-react";
import { Fragment } from "react";
import { useTranslation } from "react-i18next";

import { isObject } from "~/lib/document/pointer";
import type { Json } from "~/lib/document/types";
import { formatValue, isEmpty, isMoney } from "~/lib/expression/format";
import { fieldTitle } from "~/lib/expression/kind";
import type { Kind } from "~/lib/expression/kind";
import { writeChip } from "~/lib/expression/template";
import { say } from "~/ui/Toasts";
import { useLook } from "../chips/look";
import { KindIcon } from "../icons";
import classes from "./inspector.module.css";

interface Leaf {
  path: string[];
  title: string;
  kind: Kind | null;
  value: Json | undefined;
  depth: number;
  group: boolean;
}

const MOST = 200;

export function leavesOf(kind: Kind | null, value: Json | undefined, path: string[], title: string, depth = 0): Leaf[] {
  if (kind?.kind === "record") {
    const own = depth < 0 ? [] : [{ path, title, kind, value, depth, group: true }];
    return [...own, ...kind.fields.flatMap((field) => leavesOf(field, isObject(value) ? value[field.name] : undefined, [...path, field.name], fieldTitle(field), depth + 1))];
  }
  if (kind?.kind === "list" && kind.item.kind === "record" && Array.isArray(value)) {
    return [{ path, title, kind, value, depth, group: true }, ...value.flatMap((item, index) => leavesOf(kind.item, item, [...path, String(index)], `${index + 1}`, depth + 1))];
  }
  if ((!kind || kind.kind === "any") && isObject(value) && !isMoney(value) && !("content_type" in value)) {
    const own = depth < 0 ? [] : [{ path, title, kind, value, depth, group: true }];
    return [...own, ...Object.entries(value).flatMap(([name, item]) => leavesOf(null, item, [...path, name], name, depth + 1))];
  }
  return [{ path, title, kind, value, depth: Math.max(0, depth), group: false }];
}

export function ValueTree({ kind, value, root, title }: { kind: Kind | null; value: Json | undefined; root: string | null; title: string }) {
  const { t } = useTranslation("editor");
  const look = useLook();
  const leaves = leavesOf(kind, value, root ? [root] : [], title, -1).slice(0, MOST);
  if (!leaves.length) return <p className={classes["none"]}>{t("data.nothing")}</p>;
  return (
    <div className={classes["tree"]} role="list" aria-label={title}>
      {leaves.map((leaf) => {
        const indent = { paddingInlineStart: 10 + leaf.depth * 14 };
        return (
          <Fragment key={leaf.path.join(".")}>
            {leaf.group
              ? <div className={classes["group"]} role="listitem" style={indent}><KindIcon kind={leaf.kind?.kind} />{leaf.title}{Array.isArray(leaf.value) && <span className={classes["none"]}>{t("value.items", { count: leaf.value.length })}</span>}</div>
              : (
                <div className={classes["leaf"]} role="listitem" style={indent}>
                  <span className={classes["leafName"]} title={leaf.title}><KindIcon kind={leaf.kind?.kind ?? "any"} /><span>{leaf.title}</span></span>
                  <span className={isEmpty(leaf.value) ? classes["none"] : classes["leafValue"]}>{formatValue(leaf.value, leaf.kind, look)}</span>
                  {root
                    ? (
                      <Tooltip label={t("data.copyChip")}>
                        <ActionIcon
                          size={24} aria-label={t("data.copyChipOf", { name: leaf.title })}
                          onClick={() => {
                            void navigator.clipboard.writeText(writeChip({ path: leaf.path, filters: [], fallback: null }));
                            say(t("data.copied", { name: leaf.title }));
                          }}
                        >
                          <Copy size={13} />
                        </ActionIcon>
                      </Tooltip>
                    )
                    : <span />}
                </div>
              )}
          </Fragment>
        );
      })}
    </div>
  );
}
