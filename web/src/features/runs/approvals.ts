// What waits for people's decisions, and the words about it.

import { queryOptions } from "@tanstack/react-query";

import { api, ask } from "~/api/client";
import { addMessages } from "~/i18n/i18n";
import { keys } from "~/lib/queries";

export const approvalWords = addMessages("approvals", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

/** What the signed-in person may decide now. */
export const mine = queryOptions({
  queryKey: [...keys.approvals, "mine"],
  queryFn: () => ask(api.GET("/api/approvals", { params: { query: { open: true, mine: true } } })),
});
