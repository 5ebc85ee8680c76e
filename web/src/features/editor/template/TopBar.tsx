// Path, save tag, who uses the document, undo and redo, sample, problems, publish, and what is rarely done.

import { ActionIcon, Button, Menu } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { CircleCheck, CircleX, CopyPlus, Download, Ellipsis, FileDown, FileUp, History, TriangleAlert } from "lucide-react";
import { useRef } from "react";
import { useTranslation } from "react-i18next";

import { NameInput } from "~/ui/NameInput";
import { errorLine } from "~/ui/Problem";
import { keys } from "~/lib/queries";
import { save as saveFile } from "~/lib/save-file";
import { isTemplate } from "~/lib/template/blocks";
import { Tag } from "~/ui/State";
import { say } from "~/ui/Toasts";
import { HistoryButtons, SaveTag } from "../TopBarParts";
import { duplicateDocument, getRows } from "./api";
import { useGoToTrouble, useTroubles } from "./panels/ProblemPanel";
import { SampleMenu } from "./panels/SampleMenu";
import { useTemplateState, useTemplateStore } from "./state";
import { usePdf } from "./usePdf";
import classes from "../editor.module.css";

interface Props {
  name: string;
  rename: (name: string) => Promise<unknown>;
  flush: () => Promise<boolean>;
  onPublish: () => void;
  onVersions: () => void;
  onSample: () => void;
}

export function TemplateBar({ name, rename, flush, onPublish, onVersions, onSample }: Props) {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const history = useTemplateState((state) => state.history);
  const save = useTemplateState((state) => state.save);
  const version = useTemplateState((state) => state.version);
  const troubles = useTroubles();
  const goTo = useGoToTrouble();
  const rows = useQuery({ queryKey: keys.documents, queryFn: getRows });
  const users = rows.data?.items.find((row) => row.id === store.id)?.used_by ?? [];
  const errors = troubles.filter((trouble) => trouble.level === "error").length;
  const [first] = troubles;
  return (
    <header className={classes["top"]} data-region="top">
      <nav className={classes["path"]} aria-label={t("top.path")}>
        <Link to="/documents">{t("app:nav.documents")}</Link>
        <span aria-hidden>/</span>
        <h1 className={classes["name"]}><NameInput className={classes["title"]} label={t("top.name")} name={name} keep={rename} /></h1>
      </nav>
      <SaveTag state={save} />
      <Tag>{t("app:workflows.version", { number: version })}</Tag>
      {rows.data && <span title={users.map((user) => user.name).join(", ") || undefined}><Tag>{t("top.used", { count: users.length })}</Tag></span>}
      <span className={classes["spacer"]} />
      <HistoryButtons history={history} undo={store.undo} redo={store.redo} />
      <i className={classes["divider"]} aria-hidden />
      <SampleMenu users={users} onChanged={onSample} />
      <button
        type="button" className={classes["problems"]} data-level={errors ? "error" : first ? "warning" : "none"} disabled={!first} title={first ? t("problems.next") : undefined}
        onClick={() => first && goTo(first)}
      >
        {errors ? <CircleX size={15} aria-hidden /> : first ? <TriangleAlert size={15} aria-hidden /> : <CircleCheck size={15} aria-hidden />}
        {errors ? t("problems.errors", { count: errors }) : first ? t("problems.warnings", { count: troubles.length }) : t("problems.none")}
      </button>
      <MoreMenu name={name} flush={flush} onVersions={onVersions} />
      <Button onClick={onPublish}>{t("publish.title")}</Button>
    </header>
  );
}

function MoreMenu({ name, flush, onVersions }: Pick<Props, "name" | "flush" | "onVersions">) {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const client = useQueryClient();
  const navigate = useNavigate();
  const version = useTemplateState((state) => state.version);
  const file = useRef<HTMLInputElement>(null);
  const { pdf } = usePdf(name, (error) => void errorLine(error).then((line) => say(line)));
  const copy = useMutation({
    mutationFn: async () => {
      await flush();
      return duplicateDocument(store.id);
    },
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: keys.documents });
      say(t("more.duplicated", { name: made.name }));
      await navigate({ to: "/documents/$id", params: { id: made.id } });
    },
    onError: (error) => void errorLine(error).then((line) => say(line)),
  });
  const take = async (chosen: File) => {
    let read: unknown = null;
    try {
      read = JSON.parse(await chosen.text());
    } catch {
      // Said below: whatever it holds, it is no document.
    }
    if (isTemplate(read)) {
      const template = read;
      store.edit(t("label.import", { name: chosen.name }), () => template);
    } else say(t("more.notADocument", { name: chosen.name }));
  };
  return (
    <>
      <Menu>
        <Menu.Target><ActionIcon aria-label={t("more.label")}><Ellipsis size={16} /></ActionIcon></Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Download size={14} />} onClick={() => void pdf()}>{t("pdf.of", { number: version })}</Menu.Item>
          <Menu.Item leftSection={<History size={14} />} onClick={onVersions}>{t("versions.title")}</Menu.Item>
          <Menu.Item leftSection={<CopyPlus size={14} />} onClick={() => copy.mutate()}>{t("more.duplicate")}</Menu.Item>
          <Menu.Divider />
          <Menu.Item leftSection={<FileDown size={14} />} onClick={() => saveFile(`${name}.json`, JSON.stringify(store.document, null, 2), "application/json")}>{t("more.export")}</Menu.Item>
          <Menu.Item leftSection={<FileUp size={14} />} onClick={() => file.current?.click()}>{t("more.import")}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <input
        ref={file} type="file" accept="application/json,.json" hidden aria-label={t("more.import")}
        onChange={(event) => {
          const [chosen] = event.currentTarget.files ?? [];
          event.currentTarget.value = "";
          if (chosen) void take(chosen);
        }}
      />
    </>
  );
}
