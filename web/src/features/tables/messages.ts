import { useEffect, useState } from "react";
import { addMessages } from "~/i18n/i18n";

let here = false;

const load = () => addMessages("tables", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

/** Whether the words of these screens have come. */
export function useMessages(): boolean {
  const [ready, setReady] = useState(here);
  useEffect(() => {
    if (ready) return;
    void load().then(() => {
      here = true;
      setReady(true);
    });
  }, [ready]);
  return ready;
}
