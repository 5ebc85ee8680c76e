// Where a file comes from that goes with the pages: a field that holds one or several, or a file that the template keeps.

import { Button, Select } from "@mantine/core";
import { FileUp } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useFormat } from "~/lib/format";
import { onlyChip } from "~/lib/expression/template";
import { picks } from "~/lib/expression/values";
import { FileChoice } from "~/ui/FileChoice";
import { TemplateField } from "~/features/editor/chips/TemplateField";
import { useBlockCommands, useSourcesAt } from "../commands";
import type { MemberProps } from "./MemberForm";
import { asBase64, LARGEST_BYTES } from "./PictureField";
import widgets from "~/features/editor/widgets/widgets.module.css";

export function FileField({ member, path, record, label, error, value }: MemberProps) {
  const { t } = useTranslation("template");
  const format = useFormat();
  const commands = useBlockCommands();
  const sources = useSourcesAt([...path, "source"]);
  const [trouble, setTrouble] = useState<string | null>(null);
  const isKept = typeof record["data"] === "string";
  const written = typeof value === "string" ? value : "";
  const name = typeof record["name"] === "string" && record["name"] !== "" ? record["name"] : t("file.kept");
  const chip = onlyChip(written);
  const files = sources.flatMap(picks).filter(({ kind }) => kind.kind === "file" || (kind.kind === "list" && kind.item.kind === "file"));
  const known = chip && chip.filters.length === 0 ? files.find((pick) => pick.path.join(".") === chip.path.join(".")) : undefined;
  const keep = async (file: File) => {
    setTrouble(null);
    if (file.size > LARGEST_BYTES) {
      setTrouble(t("picture.large", { size: format.bytes(file.size), most: format.bytes(LARGEST_BYTES) }));
      return;
    }
    const data = await asBase64(file).catch(() => null);
    if (data === null) setTrouble(t("picture.unreadable", { name: file.name }));
    else commands.set(path, { data, name: file.name, content_type: file.type === "" ? undefined : file.type, source: undefined }, label);
  };
  return (
    <div>
      {!isKept && written !== "" && !known
        ? <TemplateField label={label} error={error} value={written} sources={sources} size="line" onChange={(next) => commands.set(path, { source: next === "" ? undefined : next }, label)} />
        : (
          <Select
            label={label} error={error} allowDeselect={false} placeholder={t("file.none")} value={isKept ? "file" : (known?.path.join(".") ?? null)}
            data={[
              ...files.map((pick) => ({ value: pick.path.join("."), label: [...new Set(pick.trail)].join(" · ") })),
              ...(isKept ? [{ value: "file", label: name }] : []),
            ]}
            onChange={(next) => {
              if (next && next !== "file") commands.set(path, { source: `{{ ${next} }}`, data: undefined, name: undefined, content_type: undefined }, label);
            }}
          />
        )}
      <FileChoice accept={member.accept ?? ""} onChoose={(file) => void keep(file)}>
        {(props) => <Button {...props} size="xs" variant="default" mt={8} leftSection={<FileUp size={14} />}>{t("picture.choose")}</Button>}
      </FileChoice>
      <div className={widgets["help"]}>{t("file.help", { most: format.bytes(LARGEST_BYTES) })}</div>
      {trouble && <div className={widgets["error"]} role="alert">{trouble}</div>}
    </div>
  );
}
