import { Button, Checkbox, Textarea, TextInput } from "@mantine/core";
import { Plus, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { entriesOf, type Shape } from "./ValueTree";
import classes from "./ValueEditor.module.css";

/** Edits values as they are: text stays text, an amount stays its digits. It adds no fields, only rows of lists. */
export function ValueEditor({ value, change, label, shape }: { value: unknown; change: (value: unknown) => void; label: string; shape?: Shape }) {
  const { t } = useTranslation();
  if (Array.isArray(value)) {
    const list = value as unknown[];
    return (
      <fieldset className={classes.group}>
        <legend>{label}</legend>
        {list.map((entry, at) => (
          <div key={at} className={classes.item}>
            <ValueEditor
              value={entry}
              shape={shape?.item}
              label={t("value.row", { number: at + 1 })}
              change={(next) => change(list.map((one, index) => (index === at ? next : one)))}
            />
            <Button
              size="xs"
              variant="subtle"
              color="gray"
              leftSection={<Trash2 size={14} strokeWidth={1.75} />}
              onClick={() => change(list.filter((_, index) => index !== at))}
            >
              {t("value.remove_row", { number: at + 1 })}
            </Button>
          </div>
        ))}
        {list.length > 0 && (
          <Button size="xs" variant="default" leftSection={<Plus size={14} />} onClick={() => change([...list, list.at(-1)])}>
            {t("value.add_row")}
          </Button>
        )}
      </fieldset>
    );
  }
  if (typeof value === "object" && value !== null) {
    const record = value as Record<string, unknown>;
    if ("content_type" in record) return <p className={classes.fixed}>{`${label}: ${String(record.name)}`}</p>;
    return (
      <fieldset className={classes.group}>
        <legend>{label}</legend>
        {entriesOf(record, shape).map(({ name, title, value: entry, shape: inner }) => (
          <ValueEditor key={name} value={entry} label={title} shape={inner} change={(next) => change({ ...record, [name]: next })} />
        ))}
      </fieldset>
    );
  }
  if (typeof value === "boolean") {
    return <Checkbox label={label} checked={value} onChange={(event) => change(event.currentTarget.checked)} />;
  }
  if (typeof value === "number") {
    return (
      <TextInput
        label={label}
        inputMode="numeric"
        value={String(value)}
        onChange={(event) => {
          const typed = event.currentTarget.value.trim();
          if (/^-?\d+$/.test(typed)) change(Number(typed));
        }}
      />
    );
  }
  const text = value === null || value === undefined ? "" : String(value);
  return text.length > 80 || text.includes("\n") ? (
    <Textarea label={label} autosize minRows={2} value={text} onChange={(event) => change(event.currentTarget.value)} />
  ) : (
    <TextInput label={label} value={text} onChange={(event) => change(event.currentTarget.value)} />
  );
}
