import { FileButton, Modal } from "@mantine/core";
import { Download, FilePlus2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { items } from "~/api/client";
import { useExamples } from "~/lib/examples";
import { useFocusBack } from "~/ui/focus";
import { StepIcons } from "~/ui/Origin";
import { InlineError } from "~/ui/Problem";
import { useCreate, useImport } from "./create";
import { ImportError } from "./ImportError";
import classes from "./Workflows.module.css";

/** From an example, empty, or from a file. */
export default function NewWorkflow({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const examples = useExamples();
  const create = useCreate();
  const take = useImport();
  const busy = create.isPending || take.isPending;
  useFocusBack();
  return (
    <Modal opened onClose={close} title={t("workflows.new")} size={640} closeButtonProps={{ "aria-label": t("common.close") }}>
      <div className={classes.choices}>
        <button type="button" className={classes.choice} disabled={busy} onClick={() => create.mutate({ name: t("workflows.untitled") })} data-autofocus>
          <span className={classes.choiceIcon}>
            <FilePlus2 size={20} strokeWidth={1.75} aria-hidden />
          </span>
          <span>
            <strong>{t("workflows.empty.title")}</strong>
            <span>{t("workflows.empty.what")}</span>
          </span>
        </button>
        <FileButton accept="application/json,.json" onChange={(file) => file !== null && take.mutate(file)}>
          {(props) => (
            <button type="button" className={classes.choice} disabled={busy} {...props}>
              <span className={classes.choiceIcon}>
                <Download size={20} strokeWidth={1.75} aria-hidden />
              </span>
              <span>
                <strong>{t("workflows.file.title")}</strong>
                <span>{t("workflows.file.what")}</span>
              </span>
            </button>
          )}
        </FileButton>
      </div>
      <h3 className={classes.from}>{t("workflows.from_example")}</h3>
      <ul className={classes.exampleList}>
        {items(examples.data).map((example) => (
          <li key={example.name}>
            <button type="button" className={classes.exampleRow} disabled={busy} onClick={() => create.mutate({ example: example.name })}>
              {example.page_url === null ? <span /> : <img src={example.page_url} alt="" loading="lazy" />}
              <span>
                <strong>{example.title}</strong>
                <span>{example.summary}</span>
              </span>
              <StepIcons steps={example.steps} size={18} />
            </button>
          </li>
        ))}
      </ul>
      {create.isError && <InlineError error={create.error} />}
      {take.isError && <ImportError error={take.error} />}
    </Modal>
  );
}
