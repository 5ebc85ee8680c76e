import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { startLanguage } from "./i18n/i18n";
import { styleNonce } from "./theme/theme";

import "@fontsource-variable/inter";
import "@fontsource-variable/jetbrains-mono";
import "@mantine/core/styles.css";
import "./theme/tokens.css";
import "./theme/global.css";

// A part of Mantine's dialogs writes a style of its own and looks for the nonce under this name.
Object.assign(window, { __webpack_nonce__: styleNonce() });

const root = document.getElementById("root");
if (root !== null) {
  void startLanguage().then(() => createRoot(root).render(<App />));
}
