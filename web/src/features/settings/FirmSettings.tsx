import { ActionIcon, Button, FileButton, Select, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Upload, X } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask, sendBytes } from "~/api/client";
import type { Firm } from "~/api/types";
import { languages } from "~/i18n/i18n";
import { useFormat } from "~/lib/format";
import { nameOfLanguage } from "~/lib/language-names";
import { currencies, timeZones } from "~/lib/places";
import { keys } from "~/lib/queries";
import { Card, Loading } from "~/ui/Page";
import { ErrorPanel, InlineError, useFieldErrors } from "~/ui/Problem";
import { countries } from "./countries";
import classes from "./Settings.module.css";

export function FirmSettings() {
  const firm = useQuery({ queryKey: keys.firm, queryFn: () => ask(api.GET("/api/firm")) });
  if (firm.isError && firm.data === undefined) return <ErrorPanel error={firm.error} retry={() => void firm.refetch()} />;
  if (firm.data === undefined) return <Loading />;
  return (
    <>
      <Logo firm={firm.data} />
      <FirmForm firm={firm.data} />
    </>
  );
}

function Logo({ firm }: { firm: Firm }) {
  const { t } = useTranslation("settings");
  const client = useQueryClient();
  const [stamp, setStamp] = useState(0);
  const fresh = async () => {
    setStamp((before) => before + 1);
    await client.invalidateQueries({ queryKey: keys.firm });
  };
  const put = useMutation({ mutationFn: (file: File) => sendBytes("PUT", "/api/firm/logo", file, file.name), onSuccess: fresh });
  const remove = useMutation({ mutationFn: () => ask(api.DELETE("/api/firm/logo")), onSuccess: fresh });
  const has = firm.logo !== null && firm.logo !== undefined;
  return (
    <Card title={t("app:firm.logo")}>
      <div className={classes.logo}>
        <span className={classes.logoImage}>
          {has ? <img src={`/api/firm/logo?v=${firm.logo?.id ?? ""}-${stamp}`} alt={t("app:firm.logo")} /> : <span className={classes.small}>{t("app:firm.no_logo")}</span>}
        </span>
        <div>
          <div className={classes.buttons}>
            <FileButton accept="image/png,image/jpeg,image/webp" onChange={(file) => file !== null && put.mutate(file)}>
              {(props) => (
                <Button {...props} variant="default" loading={put.isPending} leftSection={<Upload size={15} strokeWidth={1.75} />}>
                  {t("app:firm.choose_logo")}
                </Button>
              )}
            </FileButton>
            {has && (
              <Button variant="subtle" color="gray" loading={remove.isPending} onClick={() => remove.mutate()}>
                {t("app:firm.remove_logo")}
              </Button>
            )}
          </div>
          <p className={classes.small}>{t("app:firm.logo_hint")}</p>
        </div>
      </div>
      {put.isError && <InlineError error={put.error} />}
      {remove.isError && <InlineError error={remove.error} />}
    </Card>
  );
}

type Plain = "name" | "email" | "phone" | "website" | "iban" | "bic" | "bank";
type OfIdentity = "post_code" | "city" | "subdivision" | "vat_id" | "tax_number" | "registration" | "contact";

function FirmForm({ firm }: { firm: Firm }) {
  const { t, i18n } = useTranslation("settings");
  const client = useQueryClient();
  const [value, setValue] = useState(firm);
  const save = useMutation({
    mutationFn: () => ask(api.PUT("/api/firm", { body: value })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.firm });
      await client.invalidateQueries({ queryKey: keys.session });
    },
  });
  const errors = useFieldErrors(save.error);
  const change = (part: Partial<Firm>) => {
    setValue({ ...value, ...part });
    save.reset();
  };
  const input = (name: Plain | OfIdentity, label: string, more?: { type?: string; autoComplete?: string; description?: string }) => (
    <TextInput label={label} value={value[name]} error={errors[name]} onChange={(event) => change({ [name]: event.currentTarget.value })} {...more} />
  );
  const text = (name: Plain, more?: { type?: string; autoComplete?: string }) => input(name, t(`app:firm.${name}`), more);
  const part = (name: OfIdentity, more?: { autoComplete?: string; description?: string }) => input(name, t(`identity.${name}`), more);
  return (
    <form
      className={classes.content}
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Card title={t("app:firm.who")}>
        <div className={classes.form}>
          {text("name", { autoComplete: "organization" })}
          <Textarea
            label={t("identity.street")}
            description={t("identity.street_hint")}
            autosize
            minRows={1}
            value={value.street.join("\n")}
            error={errors.street}
            autoComplete="street-address"
            onChange={(event) => change({ street: event.currentTarget.value.split("\n") })}
          />
          <div className={classes.pair}>
            {part("post_code", { autoComplete: "postal-code" })}
            {part("city", { autoComplete: "address-level2" })}
            {part("subdivision", { autoComplete: "address-level1" })}
            <Select
              label={t("identity.country")}
              data={countries(i18n.language, value.country)}
              searchable
              clearable
              value={value.country === "" ? null : value.country}
              error={errors.country}
              autoComplete="country"
              onChange={(country) => change({ country: country ?? "" })}
            />
          </div>
          <div className={classes.pair}>
            {part("vat_id", { description: t("identity.vat_id_hint") })}
            {part("tax_number", { description: t("identity.tax_number_hint") })}
            {part("registration")}
            {part("contact", { autoComplete: "name" })}
            {text("email", { type: "email", autoComplete: "email" })}
            {text("phone", { type: "tel", autoComplete: "tel" })}
            {text("website", { autoComplete: "url" })}
            <TextInput
              label={t("app:firm.colour")}
              value={value.colour ?? ""}
              error={errors.colour}
              onChange={(event) => change({ colour: event.currentTarget.value })}
              rightSection={
                <input
                  type="color"
                  className={classes.colour}
                  aria-label={t("app:firm.pick_colour")}
                  value={/^#[0-9a-f]{6}$/i.test(value.colour ?? "") ? value.colour : "#000000"}
                  onChange={(event) => change({ colour: event.currentTarget.value })}
                />
              }
            />
          </div>
        </div>
      </Card>
      <Card title={t("app:firm.money")}>
        <div className={classes.pair}>
          <Select
            label={t("app:firm.currency")}
            data={currencies(i18n.language)}
            searchable
            allowDeselect={false}
            value={value.currency}
            error={errors.currency}
            onChange={(currency) => change({ currency: currency ?? value.currency })}
          />
          <TextInput
            label={t("app:firm.tax_rate")}
            inputMode="decimal"
            value={String(value.tax_rate ?? "")}
            error={errors.tax_rate}
            onChange={(event) => change({ tax_rate: event.currentTarget.value.replace(",", ".") })}
          />
          <Select
            label={t("app:firm.prices")}
            allowDeselect={false}
            data={(["net", "gross"] as const).map((name) => ({ value: name, label: t(`app:firm.price.${name}`) }))}
            value={value.prices}
            onChange={(prices) => change({ prices: prices === "gross" ? "gross" : "net" })}
          />
          <Select
            label={t("identity.tax_rounding")}
            allowDeselect={false}
            data={(["rate", "line"] as const).map((name) => ({ value: name, label: t(`identity.rounding.${name}`) }))}
            value={value.tax_rounding}
            onChange={(rounding) => change({ tax_rounding: rounding === "line" ? "line" : "rate" })}
          />
          <Select
            label={t("app:firm.time_zone")}
            data={timeZones()}
            searchable
            allowDeselect={false}
            value={value.time_zone}
            error={errors.time_zone}
            onChange={(zone) => change({ time_zone: zone ?? value.time_zone })}
          />
          <Select
            label={t("app:firm.locale")}
            allowDeselect={false}
            data={[...new Set([...languages, "de", "fr", value.locale])].map((name) => ({
              value: name,
              label: nameOfLanguage(name),
            }))}
            value={value.locale}
            error={errors.locale}
            onChange={(locale) => change({ locale: locale ?? value.locale })}
          />
        </div>
      </Card>
      <Card title={t("app:firm.holidays")}>
        <Holidays days={value.holidays} error={errors.holidays} change={(holidays) => change({ holidays })} />
      </Card>
      <Card title={t("app:firm.bank_title")}>
        <div className={classes.form}>
          {text("iban")}
          <div className={classes.pair}>
            {text("bank")}
            {text("bic")}
          </div>
        </div>
      </Card>
      {save.isError && <InlineError error={save.error} />}
      <div className={classes.buttons}>
        <Button type="submit" loading={save.isPending}>
          {t("app:firm.save")}
        </Button>
        <span role="status" className={classes.saved}>
          {save.isSuccess && t("app:common.saved")}
        </span>
      </div>
    </form>
  );
}

/** Days besides weekends on which nobody works, in their order. */
function Holidays({ days, error, change }: { days: string[]; error: string | undefined; change: (days: string[]) => void }) {
  const { t } = useTranslation("settings");
  const format = useFormat();
  const [day, setDay] = useState("");
  const add = () => {
    if (day === "") return;
    change([...new Set([...days, day])].sort());
    setDay("");
  };
  return (
    <div className={classes.form}>
      <p className={classes.small}>{t("app:firm.holidays_hint")}</p>
      {days.length > 0 && (
        <ul className={classes.days}>
          {days.map((one) => (
            <li key={one}>
              <span>{format.date(`${one}T12:00:00`)}</span>
              <ActionIcon aria-label={t("app:firm.holiday_remove", { day: format.date(`${one}T12:00:00`) })} onClick={() => change(days.filter((other) => other !== one))}>
                <X size={14} strokeWidth={1.75} />
              </ActionIcon>
            </li>
          ))}
        </ul>
      )}
      <div className={classes.buttons}>
        <TextInput
          type="date"
          aria-label={t("app:firm.holiday")}
          value={day}
          error={error}
          onChange={(event) => setDay(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter") return;
            event.preventDefault();
            add();
          }}
        />
        <Button variant="default" disabled={day === ""} onClick={add}>
          {t("app:firm.holiday_add")}
        </Button>
      </div>
    </div>
  );
}
