// Files go up as soon as they are chosen, with progress; the form then only names them.
// ---

let uploads = 0;

/** Shows a file that the server has; false when it is shown already. */
function keep(box, { id, text, remove }) {
  const kept = box.querySelector("[data-kept]");
  const hidden = kept.querySelector("input");
  if (hidden.value === id) return false;
  hidden.value = id;
  kept.querySelector("span").textContent = text;
  kept.querySelector("button").setAttribute("aria-label", remove);
  show(kept);
  // The place to choose goes away as long as there is a file.
  if (box.contains(document.activeElement)) kept.querySelector("button").focus();
  return true;
}

for (const box of form.querySelectorAll("[data-file]")) {
  const input = box.querySelector("input[type=file]");
  const kept = box.querySelector("[data-kept]");
  const sending = box.querySelector("[data-sending-file]");
  const [told, bar] = sending.children;
  const hidden = kept.querySelector("input");
  show(box.querySelector("[data-drop]"));
  input.addEventListener("change", () => {
    const file = input.files[0];
    if (!file) return;
    const body = new FormData();
    body.append("_ticket", form.elements._ticket.value);
    body.append("_lang", form.dataset.lang);
    body.append(box.dataset.file, file);
    const request = new XMLHttpRequest();
    const progress = (percent) => {
      bar.value = percent;
      told.textContent = say("form.uploading", { name: file.name, percent: Math.round(percent) });
    };
    request.open("POST", `${form.dataset.base}/uploads`);
    request.upload.onprogress = (event) => progress((event.loaded / event.total) * 100);
    request.onloadend = () => {
      uploads -= 1;
      show(sending, false);
      input.value = "";
      let answer = {};
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        // Not from our server: a proxy in between.
      }
      if (request.status === 201) {
        const text = say("form.file_kept", { name: answer.name, size: answer.size });
        keep(box, { id: answer.id, text, remove: say("form.file_remove", { name: answer.name }) });
        mark(input, "");
        announce(text);
        changed();
      } else mark(input, answer.detail || say("form.upload_failed", { name: file.name }));
      if (form.dataset.waiting && uploads === 0) form.requestSubmit(send);
    };
    uploads += 1;
    progress(0);
    show(sending);
    announce(told.textContent);
    request.send(body);
  });
  kept.querySelector("button").addEventListener("click", (event) => {
    event.preventDefault();
    const ticket = encodeURIComponent(form.elements._ticket.value);
    fetch(`${form.dataset.base}/uploads/${hidden.value}?ticket=${ticket}`, { method: "DELETE" }).catch(() => {});
    hidden.value = "";
    show(kept, false);
    input.focus();
    changed();
  });
}
