// Sending once: after the checks, with a connection, when every file is up, and not faster than the server takes it.
// ---

const send = form.querySelector("[data-send]");
const opened = performance.now();

form.addEventListener("submit", (event) => {
  const action = event.submitter?.value ?? "submit";
  if (action !== "submit") return;
  if (form.dataset.sending) {
    event.preventDefault();
    return;
  }
  if (uploads > 0) {
    event.preventDefault();
    form.dataset.waiting = "1";
    announce(say("form.sending"));
    return;
  }
  if (tellProblems()) {
    event.preventDefault();
    delete form.dataset.waiting;
    return;
  }
  if (!navigator.onLine) {
    event.preventDefault();
    tellOffline();
    return;
  }
  const wait = Number(form.dataset.leastOpen) + 100 - (performance.now() - opened);
  form.dataset.sending = "1";
  send.setAttribute("aria-disabled", "true");
  send.dataset.label ??= send.firstElementChild.textContent;
  send.firstElementChild.textContent = say("form.sending");
  if (wait > 0) {
    event.preventDefault();
    setTimeout(() => {
      delete form.dataset.sending;
      form.requestSubmit(send);
    }, wait);
  }
});

/** Says so, and sends by itself when the connection is back. */
function tellOffline() {
  let box = form.querySelector("[data-offline]");
  if (!box) {
    box = document.createElement("p");
    box.className = "errors";
    box.dataset.offline = "";
    box.setAttribute("role", "alert");
    send.before(box);
    addEventListener("online", () => {
      box.remove();
      form.requestSubmit(send);
    }, { once: true });
  }
  box.textContent = say("form.offline");
}

// Coming back with the browser's own buttons: the form can be sent again.
addEventListener("pageshow", () => {
  delete form.dataset.sending;
  delete form.dataset.waiting;
  send.removeAttribute("aria-disabled");
  if (send.dataset.label) send.firstElementChild.textContent = send.dataset.label;
});
addEventListener("pagehide", () => {
  // The result page forgets the draft: only it knows that the form has arrived.
  if (form.dataset.sending) sessionStorage.setItem("formwork:sent", store);
});

form.querySelector("[data-errors]")?.focus();
restore();
for (const table of form.querySelectorAll("[data-rows]")) {
  closeRows(table);
  summariseRows();
}
markSteps();
(steps.find(({ link }) => !link.classList.contains("done")) ?? steps[0])?.link.setAttribute("aria-current", "step");
if (form.querySelector("[data-computed]")) compute();
