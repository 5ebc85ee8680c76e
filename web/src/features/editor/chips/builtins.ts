// What every expression of a workflow may read besides earlier steps: the firm, the day and the run.

import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import type { Kind } from "~/lib/expression/kind";
import type { Source } from "~/lib/expression/values";
import { useDocument, useEditor } from "../state/store";
import { useFirmSources } from "./firm";

export function useBuiltins(): Source[] {
  const { t } = useTranslation("editor");
  const { time_zone: zone, nodes } = useDocument();
  const firm = useFirmSources(zone);
  const checked = useEditor((state) => state.checked);
  return useMemo(() => {
    const links = nodes.filter((node) => checked?.nodes[node.id]?.is_called_back).map((node) => ({ kind: "text" as const, name: node.id, title: node.name }));
    const run: Kind = {
      kind: "record",
      fields: [
        { kind: "text", name: "id", title: t("thisRun.id") },
        { kind: "instant", name: "started_at", title: t("thisRun.startedAt") },
        ...(links.length > 0 ? [{ kind: "record" as const, fields: links, name: "links", title: t("thisRun.links") }] : []),
      ],
    };
    return [...firm, { id: "run", name: t("thisRun.title"), family: "computed", icon: "zap", kind: run, value: undefined }];
  }, [t, firm, nodes, checked]);
}
