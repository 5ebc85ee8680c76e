// Fonts of the firm's own: a file for each face, uploaded one after the other, so that one that is refused does not hold up the rest.

import { ActionIcon, Button, FileButton } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Trash2, Type, Upload } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask, sendBytes } from "~/api/client";
import type { Font } from "~/api/types";
import { addMessages } from "~/i18n/i18n";
import { useFormat } from "~/lib/format";
import { useSession } from "~/lib/session";
import { Card, Loading } from "~/ui/Page";
import { ErrorPanel, InlineError } from "~/ui/Problem";
import { useRemoval } from "~/ui/removal";
import classes from "../settings/Settings.module.css";

await addMessages("fonts", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

const fonts = ["fonts"];

interface Refused {
  file: string;
  error: unknown;
}

export default function FontSettings() {
  const { t } = useTranslation("fonts");
  const format = useFormat();
  const client = useQueryClient();
  const { member } = useSession();
  const [refused, setRefused] = useState<Refused[]>([]);
  const fresh = () => client.invalidateQueries({ queryKey: fonts });
  const found = useQuery({ queryKey: fonts, queryFn: () => ask(api.GET("/api/fonts")), enabled: member.role === "owner" });
  const add = useMutation({
    mutationFn: async (files: File[]) => {
      const failed: Refused[] = [];
      for (const file of files) {
        try {
          await sendBytes<Font>("POST", "/api/fonts", file);
        } catch (error) {
          failed.push({ file: file.name, error });
        }
      }
      setRefused(failed);
    },
    onSettled: fresh,
  });
  const removal = useRemoval((id) => ask(api.DELETE("/api/fonts/{id}", { params: { path: { id } } })), fresh);
  const list = removal.left(found.data?.items);
  const weight = (font: Font) => t(`weight.${font.weight}`, { defaultValue: String(font.weight) });
  return (
    <>
      <Card title={t("add")}>
        <div className={classes.form}>
          <p className={classes.small}>{t("add_hint")}</p>
          <div>
            <FileButton multiple accept=".ttf,.otf,font/ttf,font/otf" onChange={(files) => files.length > 0 && add.mutate(files)}>
              {(props) => (
                <Button {...props} loading={add.isPending} leftSection={<Upload size={15} strokeWidth={1.75} />}>
                  {t("choose")}
                </Button>
              )}
            </FileButton>
          </div>
          {refused.map(({ file, error }) => (
            <div key={file}>
              <strong>{t("failed", { file })}</strong>
              <InlineError error={error} />
            </div>
          ))}
        </div>
      </Card>
      {found.isError && <ErrorPanel error={found.error} retry={() => void found.refetch()} />}
      {found.isLoading && <Loading lines={2} />}
      {removal.error !== null && <InlineError error={removal.error} />}
      {found.data !== undefined && (
        <Card flush>
          {list.length === 0 ? (
            <p className={classes.none}>{t("none")}</p>
          ) : (
            <ul className={classes.rows}>
              {list.map((font) => (
                <li key={font.id}>
                  <Type size={16} strokeWidth={1.75} aria-hidden />
                  <span className={classes.what}>
                    <strong>{font.family}</strong>
                    <span>
                      {t("face", { weight: weight(font), italic: font.italic, size: format.bytes(font.size_bytes), when: format.when(font.created_at) })}
                    </span>
                  </span>
                  <ActionIcon
                    aria-label={t("delete", { name: `${font.family} ${weight(font)}` })}
                    onClick={() => removal.take(font.id, t("deleted", { name: font.family }))}
                  >
                    <Trash2 size={16} strokeWidth={1.75} />
                  </ActionIcon>
                </li>
              ))}
            </ul>
          )}
        </Card>
      )}
    </>
  );
}
