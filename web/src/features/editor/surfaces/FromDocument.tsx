// Fields of the documents behind a form that nobody asks for yet; choosing one adds its question and puts the answer into its place.

import { Menu } from "@mantine/core";
import { useQueries, useQuery } from "@tanstack/react-query";
import { FileText } from "lucide-react";
import { Fragment, useState } from "react";
import { useTranslation } from "react-i18next";

import { items } from "~/api/client";
import { askFor, fillings, questionFor, unasked } from "~/lib/document/documentQuestions";
import { fieldsOf } from "~/lib/document/form";
import type { FormField } from "~/lib/document/form";
import { fieldTitle } from "~/lib/expression/kind";
import { keys } from "~/lib/queries";
import { getDocuments } from "../api";
import { documentFields } from "../documentFields";
import type { DocumentField } from "../documentFields";
import { AnswerIcon } from "../icons";
import { useDocument, useStore } from "../state/store";
import classes from "./surfaces.module.css";

export function FromDocument({ step, member, onAdded }: { step: string; member: string; onAdded: (question: FormField) => void }) {
  const { t } = useTranslation("editor");
  const store = useStore();
  const workflow = useDocument();
  const [open, setOpen] = useState(false);
  const places = fillings(workflow, store.types, step);
  const ids = [...new Set(places.map((place) => place.document))];
  const declared = useQueries({ queries: ids.map((id) => ({ ...documentFields(id), enabled: open })) });
  const known = useQuery({ queryKey: keys.documents, queryFn: getDocuments, enabled: open && ids.length > 1 });
  // Without a document behind the form there is nothing to ask for.
  if (ids.length === 0) return null;

  const questions = fieldsOf(store.node(step)?.config[member]);
  const offers = ids.map((id, at) => {
    const own = places.filter((place) => place.document === id);
    return {
      id, own, isPending: declared[at]?.isPending ?? true, isError: declared[at]?.isError ?? false,
      name: known.data && items(known.data).find((document) => document.id === id)?.name,
      fields: unasked(workflow, own, questions, declared[at]?.data ?? []),
    };
  });
  const add = (field: DocumentField, own: typeof places) => {
    const asked = askFor(store.document, { step, member }, field, own);
    if (!asked) return;
    store.edit(t("label.addField"), () => asked[0]);
    onAdded(asked[1]);
  };
  return (
    <Menu opened={open} onChange={setOpen} position="bottom-start">
      <Menu.Target>
        <button type="button" className={classes["addField"]}><FileText size={15} aria-hidden />{t("form.fromDocument")}</button>
      </Menu.Target>
      <Menu.Dropdown>
        {offers.map(({ id, own, name, fields, isPending, isError }) => (
          <Fragment key={id}>
            {name && <Menu.Label>{name}</Menu.Label>}
            {fields.map((field) => {
              const kind = questionFor(field, questions)?.kind ?? "text";
              return (
                <Menu.Item key={field.name} leftSection={<AnswerIcon kind={kind} size={15} />} rightSection={<span className={classes["offerKind"]}>{t(`answer.${kind}`)}</span>} onClick={() => add(field, own)}>
                  {fieldTitle(field)}
                </Menu.Item>
              );
            })}
            {isError && <Menu.Label role="alert">{t("form.fromDocumentFailed")}</Menu.Label>}
            {isPending && !isError && <Menu.Label>{t("form.fromDocumentLoading")}</Menu.Label>}
            {!isPending && !isError && fields.length === 0 && <Menu.Label>{t("form.fromDocumentNone")}</Menu.Label>}
          </Fragment>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
