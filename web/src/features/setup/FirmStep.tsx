import { Button, FileButton, Select, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Upload } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask, sendBytes } from "~/api/client";
import type { Firm } from "~/api/types";
import { currencies, guessCurrency, timeZones } from "~/lib/places";
import { keys } from "~/lib/queries";
import { InlineError, useFieldErrors } from "~/ui/Problem";
import classes from "./Setup.module.css";

/** What every document carries. Each field can wait: settings show all of them again. */
export function FirmStep({ firm, done }: { firm: Firm; done: () => void }) {
  const { t, i18n } = useTranslation("setup");
  const client = useQueryClient();
  const [value, setValue] = useState<Firm>(() =>
    firm.name === ""
      ? { ...firm, currency: guessCurrency(), time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone, locale: i18n.language }
      : firm,
  );
  const [logo, setLogo] = useState<File | null>(null);
  const save = useMutation({
    mutationFn: async () => {
      const saved = await ask(api.PUT("/api/firm", { body: value }));
      if (logo !== null) await sendBytes("PUT", "/api/firm/logo", logo, logo.name);
      return saved;
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.firm });
      await client.invalidateQueries({ queryKey: keys.session });
      done();
    },
  });
  const errors = useFieldErrors(save.error);
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <h1>{t("firm.title")}</h1>
      <p className={classes.lead}>{t("firm.lead")}</p>
      <TextInput
        label={t("app:firm.name")}
        autoComplete="organization"
        autoFocus
        value={value.name}
        error={errors.name}
        onChange={(event) => setValue({ ...value, name: event.currentTarget.value })}
      />
      <div className={classes.pair}>
        <Select
          label={t("app:firm.currency")}
          data={currencies(i18n.language)}
          searchable
          allowDeselect={false}
          value={value.currency}
          error={errors.currency}
          onChange={(currency) => setValue({ ...value, currency: currency ?? value.currency })}
        />
        <TextInput
          label={t("app:firm.tax_rate")}
          inputMode="decimal"
          value={value.tax_rate}
          error={errors.tax_rate}
          onChange={(event) => setValue({ ...value, tax_rate: event.currentTarget.value.replace(",", ".") })}
        />
      </div>
      <Select
        label={t("app:firm.time_zone")}
        data={timeZones()}
        searchable
        allowDeselect={false}
        value={value.time_zone}
        error={errors.time_zone}
        onChange={(zone) => setValue({ ...value, time_zone: zone ?? value.time_zone })}
      />
      <div>
        <FileButton accept="image/png,image/jpeg,image/webp" onChange={setLogo}>
          {(props) => (
            <Button {...props} variant="default" leftSection={<Upload size={15} strokeWidth={1.75} />}>
              {logo === null ? t("app:firm.choose_logo") : logo.name}
            </Button>
          )}
        </FileButton>
      </div>
      {save.isError && <InlineError error={save.error} />}
      <div className={classes.buttons}>
        <Button type="submit" loading={save.isPending}>
          {t("firm.button")}
        </Button>
        <Button variant="subtle" color="gray" onClick={done}>
          {t("skip")}
        </Button>
      </div>
    </form>
  );
}
