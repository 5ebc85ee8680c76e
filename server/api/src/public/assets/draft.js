// What is typed stays on this device until the form has arrived: a reload, a crash or a closed tab costs nothing.
// ---

const store = `formwork:${form.dataset.draft}`;
let drafting = 0;

function saveDraft() {
  clearTimeout(drafting);
  drafting = setTimeout(() => {
    try {
      localStorage.setItem(store, JSON.stringify({ version: form.dataset.version, tree: answers() }));
      show(form.querySelector("[data-saved]"));
    } catch {
      // Storage is full or forbidden; the page keeps what is typed as long as it is open.
    }
  }, 300);
}

function restore() {
  let draft = null;
  try {
    draft = JSON.parse(localStorage.getItem(store));
  } catch {
    return;
  }
  // After an error the server's page already holds what was typed.
  if (!draft || draft.version !== form.dataset.version || form.querySelector("[data-errors]")) return;
  let filled = false;
  const put = (input, value) => {
    if (value === undefined || value === "" || value === false) return;
    if (input.type === "checkbox") input.checked = value === true || value === "on";
    else input.value = value;
    filled = true;
  };
  for (const [name, value] of Object.entries(draft.tree)) {
    const table = form.querySelector(`[data-rows="${CSS.escape(name)}"]`);
    const box = form.querySelector(`[data-file="${CSS.escape(name)}"]`);
    if (table) {
      value.forEach((row, index) => {
        const target = rowsOf(table)[index] ?? addRow(table, null, true);
        if (target) for (const input of inputsOf(target)) put(input, row[input.name.split(".")[2]]);
      });
    } else if (box) {
      // The file itself is on the server, under the ticket that this page has taken up again.
      const upload = JSON.parse(form.dataset.uploads).find(({ id }) => id === value);
      if (upload) filled = keep(box, upload) || filled;
    } else {
      for (const input of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) put(input, Array.isArray(value) ? value.includes(input.value) : value);
    }
  }
  if (!filled) return;
  const note = form.querySelector("[data-restored]");
  show(note);
  note.querySelector("button").addEventListener("click", () => {
    forget();
    location.reload();
  });
  changed();
}

function forget() {
  clearTimeout(drafting);
  try {
    localStorage.removeItem(store);
  } catch {
    // Nothing was kept.
  }
}
