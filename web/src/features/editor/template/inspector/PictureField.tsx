// Where a picture comes from: the firm's logo, a field with a file, or a file that the template keeps. And what a QR code says.

import { Button, SegmentedControl, Select } from "@mantine/core";
import { ImageUp } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { isObject } from "~/lib/document/pointer";
import { useFormat } from "~/lib/format";
import { onlyChip } from "~/lib/expression/template";
import { picks } from "~/lib/expression/values";
import { PAYMENT } from "~/lib/template/members";
import { FileChoice } from "~/ui/FileChoice";
import { TemplateField } from "~/features/editor/chips/TemplateField";
import { useBlockCommands, useSourcesAt } from "../commands";
import { MemberForm } from "./MemberForm";
import type { MemberProps } from "./MemberForm";
import widgets from "~/features/editor/widgets/widgets.module.css";
import classes from "../template.module.css";

/** Of a file that a template keeps; the server holds to it, too. */
export const LARGEST_BYTES = 1_500_000;
const KINDS = "image/png,image/jpeg,image/webp,image/svg+xml";

/** Of a file in base64, by how it begins. */
function kindOf(data: string): string {
  if (data.startsWith("/9j/")) return "jpeg";
  if (data.startsWith("UklGR")) return "webp";
  return data.startsWith("iVBOR") ? "png" : "svg+xml";
}

export function asBase64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^data:[^,]*,/, ""));
    reader.onerror = () => reject(reader.error ?? new Error("unreadable"));
    reader.readAsDataURL(file);
  });
}

export function PictureField({ path, record, label, error, value }: MemberProps) {
  const { t } = useTranslation("template");
  const format = useFormat();
  const commands = useBlockCommands();
  const sources = useSourcesAt([...path, "source"]);
  const [trouble, setTrouble] = useState<string | null>(null);
  const data = typeof record["data"] === "string" ? record["data"] : null;
  const written = typeof value === "string" ? value : "";
  const url = typeof record["url"] === "string" ? record["url"] : null;
  const chip = onlyChip(written);
  const files = sources.flatMap(picks).filter((pick) => pick.kind.kind === "file");
  const known = chip && chip.filters.length === 0 ? files.find((pick) => pick.path.join(".") === chip.path.join(".")) : undefined;
  const keep = async (file: File) => {
    setTrouble(null);
    if (file.size > LARGEST_BYTES) {
      setTrouble(t("picture.large", { size: format.bytes(file.size), most: format.bytes(LARGEST_BYTES) }));
      return;
    }
    const bytes = await asBase64(file).catch(() => null);
    if (bytes === null) setTrouble(t("picture.unreadable", { name: file.name }));
    else commands.set(path, { data: bytes, source: undefined, url: undefined }, label);
  };
  return (
    <div>
      {data !== null && (
        <div className={classes["picture"]}>
          <img src={`data:image/${kindOf(data)};base64,${data}`} alt={t("picture.kept")} />
        </div>
      )}
      {data === null && written !== "" && !known
        ? <TemplateField label={label} error={error} value={written} sources={sources} size="line" onChange={(next) => commands.set(path, { source: next }, label)} />
        : (
          <Select
            label={label} error={error} allowDeselect={false} value={url !== null ? "web" : data === null ? (known?.path.join(".") ?? null) : "file"}
            data={[
              ...files.map((pick) => ({ value: pick.path.join("."), label: [...new Set(pick.trail)].join(" · ") })),
              ...(data === null ? [] : [{ value: "file", label: t("picture.kept") }]),
              { value: "web", label: t("picture.web") },
            ]}
            onChange={(next) => {
              if (next === "web") commands.set(path, { url: url ?? "https://", source: undefined, data: undefined }, label);
              else if (next && next !== "file") commands.set(path, { source: `{{ ${next} }}`, data: undefined, url: undefined }, label);
            }}
          />
        )}
      {url !== null && <TemplateField label={t("picture.address")} error={null} value={url} sources={sources} size="line" onChange={(next) => commands.set(path, { url: next }, label)} />}
      <FileChoice accept={KINDS} onChoose={(file) => void keep(file)}>
        {(props) => <Button {...props} size="xs" variant="default" mt={8} leftSection={<ImageUp size={14} />}>{t("picture.choose")}</Button>}
      </FileChoice>
      <div className={widgets["help"]}>{t("picture.help", { most: format.bytes(LARGEST_BYTES) })}</div>
      {trouble && <div className={widgets["error"]} role="alert">{trouble}</div>}
    </div>
  );
}

export function PaymentField({ path, record, error, value }: MemberProps) {
  const { t } = useTranslation("template");
  const commands = useBlockCommands();
  const sources = useSourcesAt([...path, "content"]);
  const pays = isObject(value);
  const content = typeof record["content"] === "string" ? record["content"] : "";
  const change = (way: string) =>
    commands.set(
      path,
      way === "payment"
        ? { payment: { name: "{{ firm.name }}", iban: "{{ firm.iban }}", amount: "", reference: "" }, content: undefined }
        : { content: "https://", payment: undefined },
      t("qr.says"),
    );
  return (
    <div>
      <SegmentedControl
        fullWidth aria-label={t("qr.says")} value={pays ? "payment" : "content"} onChange={change} mb={12}
        data={[{ value: "content", label: t("qr.content") }, { value: "payment", label: t("qr.payment") }]}
      />
      {pays
        ? <MemberForm members={PAYMENT} path={[...path, "payment"]} />
        : <TemplateField label={t("qr.content")} error={error} value={content} sources={sources} size="line" onChange={(next) => commands.set(path, { content: next }, t("qr.content"))} />}
      {pays && error && <div className={widgets["error"]}>{error}</div>}
    </div>
  );
}
