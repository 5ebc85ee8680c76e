import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Empty } from "~/ui/Page";
import { ErrorPanel } from "~/ui/Problem";

export function NotFound() {
  const { t } = useTranslation();
  return (
    <main style={{ padding: 32 }}>
      <Empty
        action={
          <Button component={Link} to="/workflows">
            {t("notfound.go")}
          </Button>
        }
      >
        <h1>{t("notfound.title")}</h1>
        {t("notfound.text")}
      </Empty>
    </main>
  );
}

export function Broken({ error, reset }: { error: unknown; reset: () => void }) {
  return (
    <main style={{ padding: 32 }}>
      <ErrorPanel error={error} retry={reset} />
    </main>
  );
}
