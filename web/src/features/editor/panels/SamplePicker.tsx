// Which example the whole editor shows: a named one, one from a past run, a new one. Answers are typed in the form itself.

import { Button, Menu, Modal, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Check, ChevronDown, FlaskConical, History, PenLine, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { removeSample, renameSample, setSample } from "~/lib/document/edits";
import { useFormat } from "~/lib/format";
import { say } from "~/ui/Toasts";
import { useAddress } from "../address";
import { getRun, getRuns } from "../api";
import { sampleNamed, useDocument, useStore } from "../state/store";
import classes from "./panels.module.css";

export function SamplePicker() {
  const { t } = useTranslation("editor");
  const store = useStore();
  const document = useDocument();
  const [address, go] = useAddress();
  const [past, setPast] = useState(false);
  const [naming, setNaming] = useState<string | null>(null);
  const sample = sampleNamed(document, address.sample);
  const fresh = (name: string) => {
    let free = name;
    for (let count = 2; document.samples.some((item) => item.name === free); count += 1) free = `${name} ${count}`;
    return free;
  };
  return (
    <>
      <Menu width={280}>
        <Menu.Target>
          <Button variant="default" leftSection={<FlaskConical size={14} />} rightSection={<ChevronDown size={14} />} style={{ maxInlineSize: 300 }}>
            <span style={{ color: "var(--text3)", fontWeight: 400, marginInlineEnd: 6 }}>{t("sample.label")}</span>
            <span style={{ overflow: "hidden", textOverflow: "ellipsis" }}>{sample.name || t("sample.none")}</span>
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {document.samples.map((item) => (
            <Menu.Item key={item.name} leftSection={item.name === sample.name ? <Check size={14} /> : <span style={{ inlineSize: 14 }} />} onClick={() => go({ sample: item.name })}>{item.name}</Menu.Item>
          ))}
          {document.samples.length > 0 && <Menu.Divider />}
          <Menu.Item leftSection={<History size={14} />} onClick={() => setPast(true)}>{t("sample.past")}</Menu.Item>
          <Menu.Item
            leftSection={<Plus size={14} />}
            onClick={() => {
              const name = fresh(t("sample.new"));
              store.edit(t("label.sample"), (current) => setSample(current, name, {}));
              go({ sample: name, surface: "form" });
            }}
          >{t("sample.type")}</Menu.Item>
          {sample.name && <Menu.Item leftSection={<PenLine size={14} />} onClick={() => setNaming(sample.name)}>{t("sample.rename")}</Menu.Item>}
          {sample.name && (
            <Menu.Item
              leftSection={<Trash2 size={14} />} className="danger"
              onClick={() => {
                store.edit(t("sample.remove", { name: sample.name }), (current) => removeSample(current, sample.name));
                go({ sample: undefined });
                say(t("sample.removed", { name: sample.name }), { label: t("undo"), run: store.undo });
              }}
            >{t("sample.remove", { name: sample.name })}</Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <Modal opened={naming !== null} onClose={() => setNaming(null)} title={t("sample.rename")} closeButtonProps={{ "aria-label": t("close") }}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (naming) {
              store.edit(t("sample.rename"), (current) => renameSample(current, sample.name, naming));
              go({ sample: naming });
            }
            setNaming(null);
          }}
        >
          <TextInput data-autofocus label={t("sample.name")} value={naming ?? ""} onChange={(event) => setNaming(event.currentTarget.value)} />
          <div className={classes["foot"]}><Button type="submit">{t("sample.rename")}</Button></div>
        </form>
      </Modal>
      <PastRuns opened={past} onClose={() => setPast(false)} name={fresh} />
    </>
  );
}

function PastRuns({ opened, onClose, name }: { opened: boolean; onClose: () => void; name: (wanted: string) => string }) {
  const { t } = useTranslation("editor");
  const store = useStore();
  const format = useFormat();
  const [, go] = useAddress();
  const runs = useQuery({ queryKey: ["runs", "of", store.id], enabled: opened, queryFn: () => getRuns(store.id, false) });
  const items = runs.data?.items ?? [];
  return (
    <Modal opened={opened} onClose={onClose} title={t("sample.pastTitle")} closeButtonProps={{ "aria-label": t("close") }}>
      {runs.data && items.length === 0 && <p className={classes["meta"]}>{t("sample.noRuns")}</p>}
      <div className={classes["versions"]}>
        {items.map((run) => (
          <div className={classes["version"]} key={run.id}>
            <div><b style={{ fontWeight: 500 }}>{run.title || t("sample.run")}</b><div className={classes["meta"]}>{format.when(run.created_at)}</div></div>
            <Button
              size="xs" variant="default"
              onClick={async () => {
                const full = await getRun(run.id);
                const made = name(run.title || t("sample.run"));
                store.edit(t("label.sample"), (current) => setSample(current, made, full.input ?? {}));
                go({ sample: made });
                onClose();
              }}
            >{t("sample.use")}</Button>
          </div>
        ))}
      </div>
    </Modal>
  );
}
