import { useTranslation } from "react-i18next";
import classes from "./ValueTree.module.css";

/** A name of the data as a person reads it: "due_date" becomes "Due date". */
export function readable(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toLocaleUpperCase() + words.slice(1);
}

/** What is known about values beforehand: the titles of a record's fields, in their order. */
export interface Shape {
  name?: string;
  title?: string;
  label?: string;
  fields?: Shape[];
  item?: Shape;
}

/** A record's entries in the order of its fields, with their titles; then whatever else it holds. */
export function entriesOf(record: Record<string, unknown>, shape: Shape | undefined): { name: string; title: string; value: unknown; shape?: Shape }[] {
  const fields = (shape?.fields ?? []).filter((field) => field.name !== undefined && field.name in record);
  const known = new Set(fields.map((field) => field.name));
  return [
    ...fields.map((field) => ({ name: field.name ?? "", title: field.title || field.label || readable(field.name ?? ""), value: record[field.name ?? ""], shape: field })),
    ...Object.entries(record)
      .filter(([name]) => !known.has(name))
      .map(([name, value]) => ({ name, title: readable(name), value })),
  ];
}

/** Values by kind and name, as people read them: no braces, no quotes. Only how a value looks is guessed here. */
export function ValueTree({ value, shape, depth = 0, unfolded = false }: { value: unknown; shape?: Shape; depth?: number; unfolded?: boolean }) {
  const { t } = useTranslation();
  if (isPlain(value)) return <Plain value={value} />;
  const entries = Array.isArray(value)
    ? value.map((item: unknown, at) => ({ name: String(at), title: t("value.row", { number: at + 1 }), value: item, shape: shape?.item }))
    : entriesOf(value as Record<string, unknown>, shape);
  if (entries.length === 0) return <span className={classes.empty}>{t("value.none")}</span>;
  return (
    <dl className={classes.tree} data-depth={depth}>
      {entries.map(({ name, title, value: entry, shape: inner }) =>
        isPlain(entry) ? (
          <div key={name} className={classes.row}>
            <dt>{title}</dt>
            <dd>
              <Plain value={entry} />
            </dd>
          </div>
        ) : (
          <div key={name} className={classes.group}>
            <dt>
              <details open={unfolded || depth < 1}>
                <summary>
                  {title}
                  <span className={classes.kind}>
                    {Array.isArray(entry)
                      ? t("value.list", { count: entry.length })
                      : t("value.record", { count: Object.keys(entry as object).length })}
                  </span>
                </summary>
                <ValueTree value={entry} shape={inner} depth={depth + 1} unfolded={unfolded} />
              </details>
            </dt>
          </div>
        ),
      )}
    </dl>
  );
}

interface Money {
  amount: string;
  currency: string;
}

function isMoney(value: unknown): value is Money {
  return (
    typeof value === "object" && value !== null && "amount" in value && "currency" in value && Object.keys(value).length === 2
  );
}

function isFile(value: unknown): value is { id: string; name: string } {
  return typeof value === "object" && value !== null && "id" in value && "name" in value && "content_type" in value;
}

function isPlain(value: unknown): boolean {
  return value === null || typeof value !== "object" || isMoney(value) || isFile(value);
}

/** Digits are regrouped for reading, never computed with: the text of an amount stays exact. */
export function moneyText({ amount, currency }: Money, language: string): string {
  const digits = Math.min(Math.max(2, amount.split(".")[1]?.length ?? 0), 20);
  return new Intl.NumberFormat(language, { style: "currency", currency, minimumFractionDigits: 2, maximumFractionDigits: digits }).format(amount as unknown as number);
}

function Plain({ value }: { value: unknown }) {
  const { t, i18n } = useTranslation();
  if (value === null || value === undefined || value === "") return <span className={classes.empty}>{t("value.empty")}</span>;
  if (typeof value === "boolean") return <span>{value ? t("value.yes") : t("value.no")}</span>;
  if (isMoney(value)) return <span className="num">{moneyText(value, i18n.language)}</span>;
  if (isFile(value)) {
    return (
      <a className={classes.file} href={`/api/artifacts/${value.id}`} target="_blank" rel="noreferrer">
        {value.name}
      </a>
    );
  }
  return <span className={classes.text}>{String(value)}</span>;
}
