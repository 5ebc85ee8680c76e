import { PasswordInput, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import classes from "./AccountFields.module.css";

export interface Account {
  name: string;
  email: string;
  password: string;
}

export const LEAST_PASSWORD = 12;

/** How hard a password is to guess, roughly: its length counts, not which kinds of characters it has. */
export function passwordStrength(password: string): "short" | "weak" | "fair" | "good" {
  const letters = [...password];
  if (letters.length < LEAST_PASSWORD) return "short";
  const different = new Set(letters.map((letter) => letter.toLocaleLowerCase())).size;
  if (different < 5 || /^(.+?)\1+$/u.test(password)) return "weak";
  if (letters.length >= 18 && different >= 9) return "good";
  return different >= 8 ? "fair" : "weak";
}

export function AccountFields({
  value,
  change,
  errors,
}: {
  value: Account;
  change: (value: Account) => void;
  errors: Record<string, string>;
}) {
  const { t } = useTranslation();
  const strength = passwordStrength(value.password);
  return (
    <>
      <TextInput
        label={t("auth.name")}
        autoComplete="name"
        required
        withAsterisk={false}
        value={value.name}
        error={errors.name}
        onChange={(event) => change({ ...value, name: event.currentTarget.value })}
      />
      <TextInput
        label={t("auth.email")}
        type="email"
        autoComplete="username"
        required
        withAsterisk={false}
        value={value.email}
        error={errors.email}
        onChange={(event) => change({ ...value, email: event.currentTarget.value })}
      />
      <div>
        <PasswordInput
          label={t("auth.password")}
          autoComplete="new-password"
          required
          withAsterisk={false}
          minLength={LEAST_PASSWORD}
          value={value.password}
          error={errors.password}
          onChange={(event) => change({ ...value, password: event.currentTarget.value })}
          visibilityToggleButtonProps={{ "aria-label": t("auth.show_password"), tabIndex: 0 }}
          aria-describedby="password-strength"
        />
        <p id="password-strength" className={classes.strength} data-strength={value.password === "" ? "none" : strength} aria-live="polite" hidden={errors.password !== undefined}>
          {value.password === "" ? t("auth.strength.none", { least: LEAST_PASSWORD }) : t(`auth.strength.${strength}`, { more: LEAST_PASSWORD - [...value.password].length })}
        </p>
      </div>
    </>
  );
}
