import { check } from "./validate.js";
// ---
// What JavaScript adds to a form that works without it: live totals, rows, uploads with progress, a draft on this device.
// The server alone computes and decides.

const form = document.getElementById("form");
const texts = JSON.parse(form.dataset.texts);
const live = form.querySelector("[data-live]");
const store = `formwork:${form.dataset.draft}`;
const opened = performance.now();
document.documentElement.classList.add("js");

const say = (key, params = {}) =>
  Object.entries(params).reduce((text, [name, value]) => text.replaceAll(`{${name}}`, value), texts[key] ?? key);
const announce = (text) => {
  live.textContent = "";
  requestAnimationFrame(() => (live.textContent = text));
};
const show = (element, shown = true) => element && (element.hidden = !shown);
const questions = () => [...form.querySelectorAll("[data-rules]")].filter((input) => !input.closest("template"));

// --- answers as the tree that the server reads

function answers() {
  const tree = {};
  for (const input of form.elements) {
    if (!input.name || input.name.startsWith("_") || input.type === "file" || input.type === "submit") continue;
    if (input.type === "checkbox" && !input.checked) continue;
    const path = input.name.split(".");
    if (path[1] === "kept") tree[path[0]] = input.value;
    else if (path.length === 3) {
      const rows = (tree[path[0]] ??= []);
      (rows[Number(path[1])] ??= {})[path[2]] = input.value;
    } else if (input.closest(".chips")) (tree[path[0]] ??= []).push(input.value);
    else tree[path[0]] = input.value;
  }
  for (const [name, value] of Object.entries(tree)) {
    if (Array.isArray(value)) tree[name] = Array.from(value, (row) => row ?? {});
  }
  return tree;
}

// --- live totals

let computing = null;
let timer = 0;
const computes = () => form.querySelector("[data-computed], .figure");

function changed() {
  saveDraft();
  if (!computes()) return;
  clearTimeout(timer);
  timer = setTimeout(compute, 250);
}

async function compute() {
  computing?.abort();
  const asked = (computing = new AbortController());
  try {
    const response = await fetch(`${form.dataset.base}/compute`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ answers: answers(), lang: form.dataset.lang }),
      signal: asked.signal,
    });
    if (!response.ok) return;
    const { computed, understood } = await response.json();
    for (const output of form.querySelectorAll("[data-computed]")) {
      output.textContent = computed[output.dataset.computed]?.text ?? say("form.not_yet_short");
    }
    for (const input of form.querySelectorAll(".figure")) {
      const read = understood[input.dataset.pointer];
      const note = document.getElementById(`${input.id}-understood`);
      if (note) note.textContent = read ? say("form.understood", { value: read }) : "";
    }
  } catch (error) {
    // No connection: the figures stay as they are until the next change.
    if (error.name !== "AbortError") timer = setTimeout(compute, 5000);
  }
}

// --- checks on leaving a question

function message(input) {
  const field = JSON.parse(input.dataset.rules);
  let found = null;
  if (field.kind === "checkbox") {
    if (field.required && !input.checked) found = { code: "must_agree", params: { label: field.label } };
  } else if (field.kind === "multi_select") {
    const count = input.querySelectorAll("input:checked").length;
    if (field.required && count === 0) found = { code: "required", params: { label: field.label } };
    else if (field.max && count > field.max) found = { code: "choices_max", params: { label: field.label, max: field.max } };
  } else if (field.kind === "file") {
    const kept = form.elements[`${field.name}.kept`];
    if (field.required && !kept.value && !input.files.length) found = { code: "required", params: { label: field.label } };
  } else {
    const row = input.closest(".row");
    if (row && isSpare(row)) return "";
    found = check(field, input.value, form.dataset.mark);
  }
  return found ? say(`problem.${found.code}`, found.params) : "";
}

function mark(input, text) {
  const id = `${input.id}-error`;
  let note = document.getElementById(id);
  if (!text) {
    note?.remove();
    input.removeAttribute("aria-invalid");
    return;
  }
  if (!note) {
    note = document.createElement("p");
    note.className = "error";
    note.id = id;
    (input.closest(".cell, .field") ?? input.parentElement).append(note);
  }
  note.textContent = text;
  input.setAttribute("aria-invalid", "true");
  const described = new Set((input.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
  input.setAttribute("aria-describedby", [id, ...[...described].filter((other) => other !== id)].join(" "));
}

form.addEventListener("focusout", (event) => {
  const input = event.target.closest?.("[data-rules]");
  if (!input || input.contains(event.relatedTarget)) return;
  // An empty question is no mistake until the form is sent.
  const text = message(input);
  const empty = input.matches("input, textarea, select") && !input.value.trim();
  mark(input, empty && !input.hasAttribute("aria-invalid") ? "" : text);
});
form.addEventListener("input", (event) => {
  const input = event.target.closest("[data-rules]");
  if (input?.getAttribute("aria-invalid") && !message(input)) mark(input, "");
  changed();
});

// --- rows

const isSpare = (row) =>
  [...row.querySelectorAll("input, select, textarea")].every((input) => (input.type === "checkbox" ? !input.checked : !input.value.trim()));
const rowsOf = (table) => [...table.querySelector("ol.rows").children];

function renumber(table) {
  rowsOf(table).forEach((row, index) => {
    const [before, number] = [row.dataset.row, String(index)];
    row.dataset.row = number;
    const swap = (text) => text.replace(`.${before}.`, `.${number}.`).replace(`-${before}-`, `-${number}-`).replace(`/${before}/`, `/${number}/`);
    for (const element of row.querySelectorAll("[id], [name], [for], [data-pointer], [data-computed], [aria-describedby]")) {
      for (const attribute of ["id", "name", "for", "data-pointer", "data-computed"]) {
        const value = element.getAttribute(attribute);
        if (value && attribute === "name" && value === "_action") continue;
        if (value) element.setAttribute(attribute, swap(value));
      }
      const described = element.getAttribute("aria-describedby");
      if (described) element.setAttribute("aria-describedby", described.split(" ").map(swap).join(" "));
    }
    row.querySelector("legend").textContent = say("form.row", { number: index + 1 });
    const remove = row.querySelector("[data-remove]");
    remove.value = `remove:${table.dataset.rows}:${index}`;
    remove.setAttribute("aria-label", say("form.remove_row", { number: index + 1 }));
    row.querySelector("[data-grip]").setAttribute("aria-label", say("form.move_row", { number: index + 1 }));
  });
}

function addRow(table, before = null, quiet = false) {
  const list = table.querySelector("ol.rows");
  if (list.children.length >= Number(table.dataset.max)) return null;
  const row = table.querySelector("template[data-blank]").content.firstElementChild.cloneNode(true);
  list.insertBefore(row, before);
  show(row.querySelector("[data-grip]"));
  renumber(table);
  if (!quiet) announce(say("form.row_added", { number: rowsOf(table).indexOf(row) + 1 }));
  return row;
}

function removeRow(table, row) {
  const index = rowsOf(table).indexOf(row);
  row.remove();
  if (!rowsOf(table).length) addRow(table, null, true);
  renumber(table);
  changed();
  const undo = table.querySelector("[data-undo]");
  undo.firstElementChild.textContent = say("form.row_removed", { number: index + 1 });
  announce(undo.firstElementChild.textContent);
  show(undo);
  const back = undo.querySelector("button");
  back.onclick = () => {
    table.querySelector("ol.rows").insertBefore(row, rowsOf(table)[index] ?? null);
    renumber(table);
    show(undo, false);
    changed();
    focusRow(row);
  };
  back.focus();
  clearTimeout(undo.timer);
  undo.timer = setTimeout(() => !undo.contains(document.activeElement) && show(undo, false), 10000);
}

const focusRow = (row) => row?.querySelector("input, select, textarea")?.focus();

function move(table, row, step) {
  const rows = rowsOf(table);
  const from = rows.indexOf(row);
  const to = Math.min(rows.length - 1, Math.max(0, from + step));
  if (to === from) return;
  table.querySelector("ol.rows").insertBefore(row, step > 0 ? rows[to].nextElementSibling : rows[to]);
  renumber(table);
  announce(say("form.row_moved", { from: from + 1, to: to + 1 }));
  changed();
  row.querySelector("[data-grip]").focus();
}

function paste(event, table, row, input) {
  const text = event.clipboardData.getData("text/plain").replace(/\r\n?/g, "\n").replace(/\n$/, "");
  if (!/[\t\n]/.test(text)) return;
  event.preventDefault();
  const column = inputsOf(row).indexOf(input);
  const lines = text.split("\n");
  let target = row;
  for (const [number, line] of lines.entries()) {
    target = number === 0 ? row : (target.nextElementSibling ?? addRow(table, null, true));
    if (!target) break;
    const inputs = inputsOf(target).slice(column);
    line.split("\t").forEach((value, index) => inputs[index] && fill(inputs[index], value.trim()));
  }
  announce(say("form.rows_pasted", { count: lines.length }));
  changed();
}

const inputsOf = (row) => [...row.querySelectorAll("[data-rules]")];

function fill(input, value) {
  if (input.type === "checkbox") input.checked = /^(1|x|on|yes|true|是)$/i.test(value);
  else if (input.tagName === "SELECT") {
    const wanted = [...input.options].find((option) => [option.value, option.text].some((text) => text.toLowerCase() === value.toLowerCase()));
    if (wanted) input.value = wanted.value;
  } else input.value = value;
}

for (const table of form.querySelectorAll("[data-rows]")) {
  show(table.querySelector("[data-add]"));
  show(table.querySelector("[data-paste-hint]"));
  table.querySelectorAll("ol.rows [data-grip]").forEach((grip) => show(grip));
  table.querySelector("[data-add]").addEventListener("click", () => {
    const row = addRow(table);
    focusRow(row);
    changed();
  });
  table.addEventListener("click", (event) => {
    const remove = event.target.closest("[data-remove]");
    if (!remove) return;
    event.preventDefault();
    removeRow(table, remove.closest(".row"));
  });
  table.addEventListener("keydown", (event) => {
    const row = event.target.closest(".row");
    if (!row) return;
    if (event.target.closest("[data-grip]") && ["ArrowUp", "ArrowDown"].includes(event.key)) {
      event.preventDefault();
      move(table, row, event.key === "ArrowUp" ? -1 : 1);
    }
    if (event.key !== "Enter" || event.isComposing || !event.target.matches("input[data-rules]")) return;
    // Enter goes on: to the next cell, after the last one to the next row.
    event.preventDefault();
    const inputs = inputsOf(row);
    const next = inputs[inputs.indexOf(event.target) + 1];
    if (next) next.focus();
    else focusRow(row.nextElementSibling ?? addRow(table));
  });
  table.addEventListener("paste", (event) => {
    const input = event.target.closest("[data-rules]");
    if (input) paste(event, table, input.closest(".row"), input);
  });
  let dragged = null;
  table.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest("[data-grip]");
    if (!grip) return;
    dragged = grip.closest(".row");
    grip.setPointerCapture(event.pointerId);
  });
  table.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    const over = rowsOf(table).find((row) => {
      const box = row.getBoundingClientRect();
      return row !== dragged && event.clientY > box.top && event.clientY < box.bottom;
    });
    if (!over) return;
    const down = over.compareDocumentPosition(dragged) & Node.DOCUMENT_POSITION_PRECEDING;
    over.parentElement.insertBefore(dragged, down ? over.nextElementSibling : over);
  });
  const drop = () => {
    if (!dragged) return;
    dragged = null;
    renumber(table);
    changed();
  };
  table.addEventListener("pointerup", drop);
  table.addEventListener("pointercancel", drop);
}

// --- uploads

let uploads = 0;

for (const box of form.querySelectorAll("[data-file]")) {
  const input = box.querySelector("input[type=file]");
  const kept = box.querySelector("[data-kept]");
  const [hidden, name, remove] = [kept.querySelector("input"), kept.querySelector("span"), kept.querySelector("button")];
  const bar = box.querySelector("progress");
  input.addEventListener("change", () => {
    const file = input.files[0];
    if (!file) return;
    const body = new FormData();
    body.append("_ticket", form.elements._ticket.value);
    body.append("_lang", form.dataset.lang);
    body.append(box.dataset.file, file);
    const request = new XMLHttpRequest();
    request.open("POST", `${form.dataset.base}/uploads`);
    request.upload.onprogress = (event) => (bar.value = (event.loaded / event.total) * 100);
    request.onloadend = () => {
      uploads -= 1;
      show(bar, false);
      let answer = {};
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        // Not from our server: a proxy in between.
      }
      if (request.status === 201) {
        hidden.value = answer.id;
        name.textContent = say("form.file_kept", { name: answer.name, size: answer.size });
        remove.textContent = say("form.file_remove", { name: answer.name });
        show(kept);
        input.value = "";
        mark(input, "");
        announce(name.textContent);
      } else {
        input.value = "";
        mark(input, answer.detail || say("form.upload_failed", { name: file.name }));
      }
      if (form.dataset.waiting && uploads === 0) form.requestSubmit(form.querySelector("[data-send]"));
    };
    uploads += 1;
    bar.value = 0;
    show(bar);
    announce(say("form.uploading", { name: file.name, percent: 0 }));
    request.send(body);
  });
  remove.addEventListener("click", (event) => {
    event.preventDefault();
    const ticket = encodeURIComponent(form.elements._ticket.value);
    fetch(`${form.dataset.base}/uploads/${hidden.value}?ticket=${ticket}`, { method: "DELETE" }).catch(() => {});
    hidden.value = "";
    show(kept, false);
    input.focus();
  });
}

// --- the draft on this device

let drafting = 0;

function saveDraft() {
  clearTimeout(drafting);
  drafting = setTimeout(() => {
    const tree = answers();
    for (const box of form.querySelectorAll("[data-file]")) delete tree[box.dataset.file];
    try {
      localStorage.setItem(store, JSON.stringify({ version: form.dataset.version, tree }));
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
  for (const [name, value] of Object.entries(draft.tree)) {
    const table = form.querySelector(`[data-rows="${CSS.escape(name)}"]`);
    if (table) {
      value.forEach((row, index) => {
        const target = rowsOf(table)[index] ?? addRow(table, null, true);
        if (target) for (const input of inputsOf(target)) put(input, row[input.name.split(".")[2]]);
      });
      continue;
    }
    const inputs = [...form.querySelectorAll(`[name="${CSS.escape(name)}"]`)];
    for (const input of inputs) put(input, Array.isArray(value) ? value.includes(input.value) : value);
  }
  function put(input, value) {
    if (value === undefined || value === "" || value === false) return;
    if (input.type === "checkbox") input.checked = value === true || value === "on";
    else input.value = value;
    filled = true;
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

// --- sending

const send = form.querySelector("[data-send]");

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
  const wrong = questions().filter((input) => {
    const text = message(input);
    mark(input, text);
    return text;
  });
  if (wrong.length) {
    event.preventDefault();
    delete form.dataset.waiting;
    announce(say("form.errors_title"));
    (wrong[0].matches("fieldset") ? wrong[0].querySelector("input") : wrong[0]).focus();
    return;
  }
  if (!navigator.onLine) {
    event.preventDefault();
    announce(say("form.offline"));
    alertBox(say("form.offline"));
    return;
  }
  const wait = Number(form.dataset.leastOpen) + 100 - (performance.now() - opened);
  form.dataset.sending = "1";
  send.setAttribute("aria-disabled", "true");
  send.textContent = say("form.sending");
  if (wait > 0) {
    event.preventDefault();
    setTimeout(() => {
      delete form.dataset.sending;
      form.requestSubmit(send);
    }, wait);
  }
});

function alertBox(text) {
  let box = form.querySelector("[data-offline]");
  if (!box) {
    box = document.createElement("p");
    box.className = "errors";
    box.dataset.offline = "";
    box.setAttribute("role", "alert");
    send.before(box);
  }
  box.textContent = text;
}

// Coming back with the browser's own buttons: the form can be sent again.
addEventListener("pageshow", () => {
  delete form.dataset.sending;
  delete form.dataset.waiting;
  send.removeAttribute("aria-disabled");
});
addEventListener("pagehide", () => {
  // The result page forgets the draft: only it knows that the form has arrived.
  if (form.dataset.sending) sessionStorage.setItem("formwork:sent", store);
});

const errors = form.querySelector("[data-errors]");
if (errors) errors.focus();
restore();
if (form.querySelector("[data-computed]")) compute();
