// The values that a workflow takes when another one calls it.

import { queryOptions } from "@tanstack/react-query";

import { items } from "~/api/client";
import type { Field } from "~/lib/expression/kind";
import { keys } from "~/lib/queries";
import { getCallables } from "./api";

export function callFields(id: string) {
  return queryOptions({
    queryKey: keys.callables,
    queryFn: getCallables,
    select: (list): Field[] => items(list).find((workflow) => workflow.id === id)?.fields ?? [],
  });
}
