import { Modal, Switch } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { addMessages } from "~/i18n/i18n";
import { setSingleKeys, singleKeysOn } from "~/lib/keyboard";
import { useFocusBack } from "~/ui/focus";
import { Kbd } from "~/ui/Page";
import classes from "./KeyHelp.module.css";

await addMessages("keys", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

const groups: Record<string, [string, string[]][]> = {
  anywhere: [
    ["palette", ["Ctrl", "K"]],
    ["keys", ["?"]],
    ["workflows", ["G", "W"]],
    ["runs", ["G", "R"]],
    ["documents", ["G", "D"]],
    ["tables", ["G", "T"]],
    ["models", ["G", "M"]],
  ],
  lists: [
    ["new", ["N"]],
    ["filter", ["/"]],
    ["move", ["↑", "↓"]],
    ["open", ["↵"]],
  ],
  run: [
    ["step", ["↑", "↓"]],
    ["open", ["↵"]],
    ["retry", ["R"]],
  ],
  editor: [
    ["undo", ["Ctrl", "Z"]],
    ["run", ["Ctrl", "↵"]],
    ["region", ["F6"]],
    ["problem", ["F8"]],
    ["surface", ["Alt", "1 2 3"]],
    ["add", ["A"]],
  ],
  template: [
    ["undo", ["Ctrl", "Z"]],
    ["walk", ["↑", "↓"]],
    ["edit", ["↵"]],
    ["up", ["Esc"]],
    ["move", ["Alt", "↑", "↓", "←", "→"]],
    ["add", ["/"]],
    ["copy", ["Ctrl", "C", "V"]],
    ["problem", ["F8"]],
    ["region", ["F6"]],
  ],
};

export default function KeyHelp({ close }: { close: () => void }) {
  const { t } = useTranslation("keys");
  const [single, setSingle] = useState(singleKeysOn);
  useFocusBack();
  return (
    <Modal opened onClose={close} title={t("app:keys.title")} size="lg" closeButtonProps={{ "aria-label": t("app:common.close") }}>
      <div className={classes.groups}>
        {Object.entries(groups).map(([group, rows]) => (
          <section key={group}>
            <h3>{t(`group.${group}.title`)}</h3>
            <dl>
              {rows.map(([name, combination]) => (
                <div key={name}>
                  <dt>{t(`group.${group}.${name}`)}</dt>
                  <dd>
                    {combination.map((key) => (
                      <Kbd key={key}>{key}</Kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <Switch
        mt="md"
        label={t("app:keys.single")}
        checked={single}
        onChange={(event) => {
          setSingle(event.currentTarget.checked);
          setSingleKeys(event.currentTarget.checked);
        }}
      />
    </Modal>
  );
}
