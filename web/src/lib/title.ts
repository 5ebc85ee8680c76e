import { useEffect } from "react";
import { useTranslation } from "react-i18next";

/** Names the browser's tab, so that several open screens can be told apart. */
export function useTitle(title: string | undefined): void {
  const { t } = useTranslation();
  const product = t("product");
  useEffect(() => {
    document.title = title === undefined || title === "" ? product : `${title} · ${product}`;
    return () => {
      document.title = product;
    };
  }, [title, product]);
}
