import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import {
  AlignLeft,
  Barcode,
  ChartColumn,
  Columns2,
  Heading,
  Image,
  type LucideIcon,
  Minus,
  PanelBottom,
  PanelTop,
  Percent,
  QrCode,
  Repeat,
  Rows2,
  Sigma,
  Signature,
  Split,
  Square,
  StretchVertical,
  Table,
  Tag as TagIcon,
  TriangleAlert,
} from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Preview } from "~/api/types";
import { addMessages } from "~/i18n/i18n";
import { useFormat } from "~/lib/format";
import { keys } from "~/lib/queries";
import { useTitle } from "~/lib/title";
import { Loading } from "~/ui/Page";
import { PageImage } from "~/ui/PageImage";
import { ErrorPanel, WarningWords } from "~/ui/Problem";
import { Tag } from "~/ui/State";
import { ValueTree } from "~/ui/ValueTree";
import { type Block, blocksOf, settingsOf } from "./blocks";
import classes from "./Documents.module.css";

await addMessages("documents", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

/**
 * A document as it is: its blocks, its fields, its page. Reading only; the template editor takes the place of the
 * tree and the inspector and keeps the page in the middle.
 */
export function DocumentPage() {
  const { id = "" } = useParams({ strict: false });
  const { t } = useTranslation("documents");
  const format = useFormat();
  const [side, setSide] = useState<"blocks" | "fields">("blocks");
  const [selected, setSelected] = useState<string | null>(null);
  const document = useQuery({
    queryKey: keys.document(id),
    queryFn: () => ask(api.GET("/api/documents/{id}", { params: { path: { id } } })),
  });
  const preview = useQuery({
    queryKey: [...keys.document(id), "preview", document.data?.version],
    queryFn: () => ask(api.POST("/api/documents/preview", { body: { document_id: id } })),
    enabled: document.data !== undefined,
  });
  useTitle(document.data?.name);
  if (document.isError) {
    return (
      <div className={classes.alone}>
        <ErrorPanel error={document.error} retry={() => void document.refetch()} />
      </div>
    );
  }
  if (document.data === undefined) {
    return (
      <div className={classes.alone}>
        <Loading />
      </div>
    );
  }
  const blocks = blocksOf(document.data.template);
  const chosen = blocks.find((block) => block.key === selected) ?? null;
  return (
    <div className={classes.editor}>
      <header className={classes.top}>
        <nav className={classes.path} aria-label={t("app:run.path")}>
          <Link to="/documents">{t("app:nav.documents")}</Link>
          <span aria-hidden>/</span>
        </nav>
        <h1>{document.data.name}</h1>
        <Tag>{t("app:workflows.version", { number: document.data.version })}</Tag>
        <span className={classes.space} />
        {preview.data !== undefined && <span className={classes.hint}>{t("drawn", { time: `${format.number(preview.data.took_ms)} ms` })}</span>}
      </header>
      <section className={classes.side} aria-label={t("structure")}>
        <SegmentedControl
          fullWidth
          aria-label={t("structure")}
          value={side}
          onChange={(value) => setSide(value as "blocks" | "fields")}
          data={[
            { value: "blocks", label: t("blocks") },
            { value: "fields", label: t("fields", { count: preview.data?.fields.length ?? 0 }) },
          ]}
        />
        {side === "blocks" ? (
          <ul className={classes.tree}>
            {blocks.map((block) => (
              <BlockRow key={block.key} block={block} selected={block.key === selected} select={() => setSelected(block.key === selected ? null : block.key)} />
            ))}
          </ul>
        ) : (
          <FieldList preview={preview.data} />
        )}
      </section>
      <section className={classes.stage} aria-label={t("app:run.page")} tabIndex={0}>
        {preview.isError && <ErrorPanel error={preview.error} retry={() => void preview.refetch()} />}
        {preview.data?.pages.map((page, at) => (
          <div key={at} className={classes.sheet}>
            <PageImage page={page} alt={t("page_alt", { name: document.data.name, page: at + 1, pages: preview.data.pages.length })} />
            {chosen !== null &&
              page.boxes
                .filter((box) => box.block === chosen.id)
                .map((box, index) => (
                  <span
                    key={index}
                    className={classes.mark}
                    style={{
                      insetInlineStart: `${(box.x_mm / page.width_mm) * 100}%`,
                      insetBlockStart: `${(box.y_mm / page.height_mm) * 100}%`,
                      inlineSize: `${(box.width_mm / page.width_mm) * 100}%`,
                      blockSize: `${(box.height_mm / page.height_mm) * 100}%`,
                    }}
                  />
                ))}
          </div>
        ))}
      </section>
      <section className={classes.inspector} aria-label={t("inspector")}>
        {chosen === null ? (
          <>
            <h2>{t("settings")}</h2>
            <ValueTree value={settingsOf(document.data.template)} />
            <Warnings preview={preview.data} />
          </>
        ) : (
          <>
            <h2>{chosen.label ?? t(`block.${chosen.type}`, { defaultValue: chosen.type })}</h2>
            <p className={classes.hint}>{t(`block.${chosen.type}`, { defaultValue: chosen.type })}</p>
            <ValueTree value={chosen.settings} />
          </>
        )}
      </section>
    </div>
  );
}

const icons: Record<string, LucideIcon> = {
  heading: Heading,
  text: AlignLeft,
  markdown: AlignLeft,
  image: Image,
  columns: Columns2,
  table: Table,
  tax_table: Percent,
  key_value: Rows2,
  totals: Sigma,
  qr: QrCode,
  barcode: Barcode,
  signature: Signature,
  chart: ChartColumn,
  rule: Minus,
  spacer: StretchVertical,
  repeat: Repeat,
  if: Split,
  header: PanelTop,
  footer: PanelBottom,
};

function BlockRow({ block, selected, select }: { block: Block; selected: boolean; select: () => void }) {
  const { t } = useTranslation("documents");
  const Icon = icons[block.type] ?? Square;
  return (
    <li>
      <button type="button" className={classes.block} aria-pressed={selected} style={{ paddingInlineStart: 8 + block.depth * 18 }} onClick={select}>
        <Icon size={15} strokeWidth={1.75} aria-hidden />
        <span>{block.label ?? t(`block.${block.type}`, { defaultValue: block.type })}</span>
      </button>
    </li>
  );
}

function FieldList({ preview }: { preview: Preview | undefined }) {
  const { t } = useTranslation("documents");
  return (
    <ul className={classes.tree}>
      {preview?.fields.map((field, at) => (
        <li key={at} className={classes.field}>
          <TagIcon size={14} strokeWidth={1.75} aria-hidden />
          <span>{field.title ?? field.name}</span>
          <small>{t(`app:kind.${kindName(field.kind)}`, { defaultValue: kindName(field.kind) })}</small>
        </li>
      ))}
    </ul>
  );
}

function kindName(kind: unknown): string {
  if (typeof kind === "string") return kind;
  if (typeof kind === "object" && kind !== null) {
    const named = (kind as Record<string, unknown>).kind ?? (kind as Record<string, unknown>).type ?? Object.keys(kind)[0];
    return String(named);
  }
  return "text";
}

function Warnings({ preview }: { preview: Preview | undefined }) {
  const { t } = useTranslation("documents");
  if (preview === undefined) return null;
  if (preview.warnings.length === 0) return <p className={classes.hint}>{t("no_problems")}</p>;
  return (
    <ul className={classes.warnings}>
      {preview.warnings.map((warning, at) => (
        <li key={at}>
          <TriangleAlert size={15} strokeWidth={1.75} aria-hidden />
          <WarningWords warning={warning} />
        </li>
      ))}
    </ul>
  );
}
