// Sets the colour scheme before the first paint. A file of its own, because the
// content security policy allows no inline script.
(function () {
  var choice = null;
  try {
    choice = localStorage.getItem("formwork-theme");
  } catch (_) {
    // Storage can be switched off; the system's choice is right then.
  }
  var dark = choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
