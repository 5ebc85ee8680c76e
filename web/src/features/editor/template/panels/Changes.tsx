// A version and the draft side by side: block by block in words, each leading to its place, and the pages that look different, with what changed
// framed. Both are drawn with the values that the editor shows.

import { ActionIcon, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { CornerDownLeft, Minus, MoveVertical, PenLine, Plus } from "lucide-react";
import { useId, useState } from "react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { PreviewPage } from "~/api/types";
import { keys } from "~/lib/queries";
import { compareTemplates } from "~/lib/template/compare";
import type { BlockChange, Comparison } from "~/lib/template/compare";
import { membersOf, PAGE } from "~/lib/template/members";
import type { Member } from "~/lib/template/members";
import { Loading } from "~/ui/Page";
import { PageImage } from "~/ui/PageImage";
import { ErrorPanel } from "~/ui/Problem";
import { comparePages, drawPages, getVersion, offline } from "../api";
import type { PageChange } from "../api";
import { useBlockCommands } from "../commands";
import { BlockIcon } from "../icons";
import { labelOf } from "../inspector/labels";
import { useTemplate, useTemplateState, useTemplateStore } from "../state";
import { blockTitle, kindName } from "../words";
import classes from "../template.module.css";

/** What the page's records are called, where they hold more than one thing. */
const RECORDS = { page: "page.paper", theme: "page.theme", header: "page.furniture", footer: "page.furniture", sample: "sample.label" } as const;

const isRecord = (name: string): name is keyof typeof RECORDS => name in RECORDS;

const SIGNS = { added: Plus, removed: Minus, changed: PenLine, moved: MoveVertical };

interface Props {
  from: number;
  flush: () => Promise<boolean>;
  onClose: () => void;
}

export default function Changes({ from, flush, onClose }: Props) {
  const store = useTemplateStore();
  const template = useTemplate();
  const sample = useTemplateState((state) => state.sample);
  const compared = useQuery({
    queryKey: [...keys.document(store.id), "compare", from, sample],
    queryFn: async () => {
      // What is compared is the draft that the server has.
      if (!(await flush())) throw offline();
      const before = await getVersion(store.id, from);
      const draw = (one: typeof template) => drawPages({ document_id: store.id, template: one, sample });
      const [told, old, now] = await Promise.all([comparePages(store.id, from, sample), draw(before.template), draw(template)]);
      return { pages: told.pages, old: old.pages, now: now.pages, what: compareTemplates(before.template, template) };
    },
    gcTime: 0,
    staleTime: Infinity,
  });
  if (compared.isPending) return <Loading lines={2} />;
  if (compared.isError) return <ErrorPanel error={compared.error} retry={() => void compared.refetch()} />;
  const { pages, old, now, what } = compared.data;
  return <Compared from={from} pages={pages.filter((page) => page.change !== "same")} old={old} now={now} what={what} onClose={onClose} />;
}

interface ComparedProps {
  from: number;
  /** Only those that differ. */
  pages: readonly PageChange[];
  old: readonly PreviewPage[];
  now: readonly PreviewPage[];
  what: Comparison;
  onClose: () => void;
}

function Compared({ from, pages, old, now, what, onClose }: ComparedProps) {
  const { t } = useTranslation("template");
  const id = useId();
  const [chosen, setChosen] = useState<string | null>(null);
  const framed = new Map(what.blocks.map((one) => [one.block.id, one]));
  const side = (page: PageChange, which: "from" | "to") => {
    const number = page[which];
    const drawn = number === null ? undefined : (which === "from" ? old : now)[number - 1];
    const label = which === "from" ? t("versions.number", { number: from }) : t("versions.draft");
    return (
      <figure>
        <figcaption>{label}{number !== null && ` · ${t("pages.number", { number })}`}</figcaption>
        {drawn ? (
          <div className={classes["comparedPage"]}>
            <PageImage page={drawn} alt={`${label}, ${t("pages.number", { number })}`} />
            <Frames page={drawn} framed={framed} chosen={chosen} />
          </div>
        ) : <div className={classes["noPage"]}>{t("versions.noPage")}</div>}
      </figure>
    );
  };
  /** Shows where a block is framed, on the draft's side if it is there. */
  const show = (block: string) => {
    setChosen(block);
    const frames = document.getElementById(id)?.querySelectorAll(`[data-frame="${CSS.escape(block)}"]`);
    const last = frames && frames[frames.length - 1];
    last?.scrollIntoView({ block: "center" });
  };
  const seen = new Set(
    pages.flatMap((page) => [page.from === null ? [] : (old[page.from - 1]?.boxes ?? []), page.to === null ? [] : (now[page.to - 1]?.boxes ?? [])]).flat().map((box) => box.block),
  );
  return (
    <div id={id}>
      <What what={what} seen={seen} chosen={chosen} show={show} onClose={onClose} />
      <p role="status">{pages.length === 0 ? t("versions.same") : t("versions.pages", { count: pages.length })}</p>
      {pages.map((page, at) => (
        <section key={at} className={classes["compared"]} aria-label={t(`versions.${page.change}`)}>
          {side(page, "from")}
          {side(page, "to")}
        </section>
      ))}
    </div>
  );
}

/** Around what changed; the list says it in words. */
function Frames({ page, framed, chosen }: { page: PreviewPage; framed: ReadonlyMap<string, BlockChange>; chosen: string | null }) {
  const percent = (value: number, whole: number) => `${(value / whole) * 100}%`;
  return page.boxes
    .filter((box) => box.origin === null && framed.has(box.block))
    .map((box, at) => (
      <span
        key={at} aria-hidden className={classes["frame"]} data-frame={box.block} data-change={framed.get(box.block)?.change} data-chosen={box.block === chosen}
        style={{
          left: percent(box.x_mm, page.width_mm), top: percent(box.y_mm, page.height_mm),
          width: percent(box.width_mm, page.width_mm), height: percent(box.height_mm, page.height_mm),
        }}
      />
    ));
}

interface WhatProps {
  what: Comparison;
  /** Blocks that are on one of the pages that are shown. */
  seen: ReadonlySet<string>;
  chosen: string | null;
  show: (block: string) => void;
  onClose: () => void;
}

function What({ what, seen, chosen, show, onClose }: WhatProps) {
  const { t } = useTranslation("template");
  const commands = useBlockCommands();
  const open = (block: string | undefined) => {
    commands.select(block);
    onClose();
  };
  const labels = (names: readonly string[], members: readonly Member[]) => {
    const label = (name: string) => {
      const member = members.find((one) => one.name === name);
      // Words are kept in several ways; all of them are what it says.
      return member ? labelOf(member, t) : t("member.content");
    };
    return [...new Set(names.map(label))].join(", ");
  };
  const ofPage = [...new Set(what.page.map((name) => (isRecord(name) ? t(RECORDS[name]) : labels([name], [...PAGE.document, ...PAGE.extras]))))].join(", ");
  const line = (key: string, change: BlockChange["change"], name: ReactNode, more: string, tool?: ReactNode) => {
    const Sign = SIGNS[change];
    return (
      <li key={key} data-change={change}>
        <Sign size={14} aria-hidden />
        <span className={classes["whatName"]}>{name}<small>{[t(`versions.is.${change}`), more].filter(Boolean).join(" · ")}</small></span>
        {tool}
      </li>
    );
  };
  if (what.blocks.length + what.fields.length + what.page.length === 0) return null;
  return (
    <ul className={classes["what"]} aria-label={t("versions.what")}>
      {what.page.length > 0 && line("page", "changed", <button type="button" className="link" onClick={() => open(undefined)}>{t("page.title")}</button>, ofPage)}
      {what.fields.map((field) => line(`field/${field.name}`, field.change, <span>{t("versions.field", { name: field.title })}</span>, ""))}
      {what.blocks.map(({ change, block, members, moved }) => {
        const title = blockTitle(block, t);
        const isSeen = seen.has(block.id);
        const name = (
          <button type="button" className="link" aria-pressed={chosen === block.id} disabled={!isSeen} onClick={() => show(block.id)}>
            <BlockIcon name={block.type} size={14} /> {title}
          </button>
        );
        const more = [
          title === kindName(block.type, t) ? "" : kindName(block.type, t), labels(members, membersOf(block.type)), moved && change === "changed" ? t("versions.is.moved") : "", isSeen ? "" : t("versions.unseen"),
        ].filter(Boolean).join(" · ");
        const tool = change !== "removed" && (
          <Tooltip label={t("versions.open")}><ActionIcon aria-label={t("versions.openNamed", { name: title })} onClick={() => open(block.id)}><CornerDownLeft size={14} /></ActionIcon></Tooltip>
        );
        return line(block.id, change, name, more, tool);
      })}
    </ul>
  );
}
