// The settings of what is chosen: a block, a place that holds blocks, or the page. Never modal.

import { ActionIcon, Menu, Switch, Tabs } from "@mantine/core";
import { Ellipsis, TriangleAlert, X } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";

import { getAt } from "~/lib/document/pointer";
import type { Path } from "~/lib/document/pointer";
import type { Block } from "~/lib/template/blocks";
import { membersOf, PAGE } from "~/lib/template/members";
import type { Tab } from "~/lib/template/members";
import { put } from "~/lib/template/edits";
import { warningText } from "~/ui/server-words/words";
import { BlockMenu } from "../BlockTree";
import { useBlockCommands, useChoice, useChosenTitle } from "../commands";
import { BlockIcon } from "../icons";
import { useTemplate, useTemplateState, useTemplateStore } from "../state";
import { blockTitle, kindName } from "../words";
import { MemberForm } from "./MemberForm";
import panel from "~/features/editor/inspector/inspector.module.css";
import widgets from "~/features/editor/widgets/widgets.module.css";
import classes from "../template.module.css";

const TABS: readonly Tab[] = ["content", "look", "rules"];

export function TemplateInspector({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("template");
  const choice = useChoice();
  const title = useChosenTitle(choice);
  return (
    <aside className={panel["panel"]} aria-label={t("inspector.label", { name: title })} data-region="inspector" tabIndex={-1}>
      {choice.block && choice.path
        ? <OfBlock key={choice.block.id} block={choice.block} path={choice.path} onClose={onClose} />
        : choice.path ? <OfSlot title={title} onClose={onClose} /> : <OfPage onClose={onClose} />}
    </aside>
  );
}

function CloseButton({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("template");
  return <ActionIcon className="editor-narrow" aria-label={t("inspector.close")} onClick={onClose}><X size={16} /></ActionIcon>;
}

function OfBlock({ block, path, onClose }: { block: Block; path: Path; onClose: () => void }) {
  const { t } = useTranslation("template");
  const commands = useBlockCommands();
  const warnings = useTemplateState((state) => state.preview?.warnings)?.filter((warning) => warning.location === block.id) ?? [];
  const members = membersOf(block.type);
  const tabs = TABS.filter((tab) => members.some((member) => member.tab === tab));
  const [chosen, setTab] = useState<Tab>(tabs[0] ?? "rules");
  // A line to sign on prints its name.
  const named = block.type !== "signature";
  return (
    <>
      <div className={panel["head"]}>
        <span className={classes["tile"]}><BlockIcon name={block.type} size={19} /></span>
        <div className={panel["titles"]}>
          {named
            ? <input className={panel["name"]} aria-label={t("inspector.name")} placeholder={blockTitle(block, t)} value={typeof block["name"] === "string" ? block["name"] : ""} maxLength={80} onChange={(event) => commands.set(path, { name: event.currentTarget.value || undefined }, t("inspector.name"))} />
            : <div className={panel["name"]}>{kindName(block.type, t)}</div>}
          <div className={panel["sub"]}>{kindName(block.type, t)}</div>
        </div>
        <Menu>
          <Menu.Target><ActionIcon aria-label={t("block_menu")}><Ellipsis size={16} /></ActionIcon></Menu.Target>
          <BlockMenu path={path} />
        </Menu>
        <CloseButton onClose={onClose} />
      </div>
      <Tabs className={panel["tabs"]} value={chosen} onChange={(tab) => setTab((tab ?? "content") as Tab)}>
        <Tabs.List className={panel["list"]} aria-label={t("inspector.tabs")}>
          {tabs.map((tab) => <Tabs.Tab key={tab} value={tab}>{t(`tab.${tab}`)}</Tabs.Tab>)}
        </Tabs.List>
        <div className={panel["body"]}>
          {warnings.map((warning, at) => <div key={at} className={classes["warning"]}><TriangleAlert size={14} aria-hidden />{warningText({ ...warning, location: "" })}</div>)}
          {tabs.map((tab) => (
            <Tabs.Panel key={tab} value={tab}><MemberForm members={members.filter((member) => member.tab === tab)} path={path} /></Tabs.Panel>
          ))}
        </div>
      </Tabs>
    </>
  );
}

function OfSlot({ title, onClose }: { title: string; onClose: () => void }) {
  const { t } = useTranslation("template");
  return (
    <>
      <div className={panel["head"]}>
        <div className={panel["titles"]}><div className={panel["name"]}>{title}</div></div>
        <CloseButton onClose={onClose} />
      </div>
      <div className={panel["body"]}><p className={widgets["help"]}>{t("inspector.slot")}</p></div>
    </>
  );
}

type PageTab = "paper" | "theme" | "extras";

/** Of the page itself: paper, head and foot; colours and fonts; what goes with the pages. */
function OfPage({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("template");
  const [tab, setTab] = useState<PageTab>("paper");
  return (
    <>
      <div className={panel["head"]}>
        <span className={classes["tile"]}><BlockIcon name="body" size={19} /></span>
        <div className={panel["titles"]}>
          <div className={panel["name"]}>{t("page.title")}</div>
          <div className={panel["sub"]}>{t("page.sub")}</div>
        </div>
        <CloseButton onClose={onClose} />
      </div>
      <Tabs className={panel["tabs"]} value={tab} onChange={(next) => setTab((next ?? "paper") as PageTab)}>
        <Tabs.List className={panel["list"]} aria-label={t("inspector.tabs")}>
          <Tabs.Tab value="paper">{t("page.paper")}</Tabs.Tab>
          <Tabs.Tab value="theme">{t("page.theme")}</Tabs.Tab>
          <Tabs.Tab value="extras">{t("page.extras")}</Tabs.Tab>
        </Tabs.List>
        <div className={panel["body"]}>
          <Tabs.Panel value="paper">
            <div className={widgets["form"]}>
              <MemberForm members={PAGE.document} path={[]} />
              <MemberForm members={PAGE.page} path={["page"]} />
              <h2 className={classes["part"]}>{t("page.margins")}</h2>
              <MemberForm members={PAGE.margins} path={["page", "margins"]} />
              <h2 className={classes["part"]}>{t("page.furniture")}</h2>
              <FirstPage region="header" />
              <MemberForm members={PAGE.header} path={["header"]} />
              <FirstPage region="footer" />
              <MemberForm members={PAGE.footer} path={["footer"]} />
            </div>
          </Tabs.Panel>
          <Tabs.Panel value="theme"><MemberForm members={PAGE.theme} path={["theme"]} /></Tabs.Panel>
          <Tabs.Panel value="extras"><MemberForm members={PAGE.extras} path={[]} /></Tabs.Panel>
        </div>
      </Tabs>
    </>
  );
}

/** Whether the first page has a head or a foot of its own. */
function FirstPage({ region }: { region: "header" | "footer" }) {
  const { t } = useTranslation("template");
  const store = useTemplateStore();
  const template = useTemplate();
  const id = useId();
  const path = [region, "first"];
  const label = t(`page.first.${region}`);
  return (
    <div className={widgets["switchRow"]}>
      <label className={widgets["label"]} htmlFor={id}>{label}</label>
      <Switch
        id={id} checked={Array.isArray(getAt(template, path))}
        onChange={(event) => {
          const on = event.currentTarget.checked;
          store.edit(label, (current) => put(current, path, on ? [] : undefined));
        }}
      />
    </div>
  );
}
