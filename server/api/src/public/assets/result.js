// The result page: live progress through events, by asking where events do not come through; copying the link.

const main = document.querySelector("main");
const progress = document.querySelector("[data-progress]");

// The form arrived, so its draft on this device has served.
try {
  const sent = sessionStorage.getItem("formwork:sent");
  if (sent) {
    localStorage.removeItem(sent);
    sessionStorage.removeItem("formwork:sent");
  }
} catch {
  // Storage is forbidden; then there is no draft either.
}

if (main.dataset.events) {
  let polling = 0;
  const done = () => location.reload();
  const poll = () => {
    clearTimeout(polling);
    polling = setTimeout(async () => {
      try {
        const response = await fetch(location.pathname, { headers: { accept: "application/json" } });
        if (response.ok && (await response.json()).finished) return done();
      } catch {
        // No connection; asked again.
      }
      poll();
    }, 3000);
  };
  const source = new EventSource(main.dataset.events);
  source.addEventListener("progress", (event) => {
    clearTimeout(polling);
    progress.innerHTML = event.data;
  });
  source.addEventListener("done", () => {
    source.close();
    done();
  });
  source.addEventListener("error", poll);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(location.origin + button.dataset.copy);
    button.textContent = button.dataset.copied;
  });
}
