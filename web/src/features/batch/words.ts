// The words of these screens, which come with them.

import { addMessages } from "~/i18n/i18n";

export const batchWords = addMessages("batch", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });
