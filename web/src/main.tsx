import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { startLanguage } from "./i18n/i18n";

import "@fontsource-variable/inter";
import "@fontsource-variable/jetbrains-mono";
import "@mantine/core/styles.css";
import "./theme/tokens.css";
import "./theme/global.css";

const root = document.getElementById("root");
if (root !== null) {
  void startLanguage().then(() => createRoot(root).render(<App />));
}
