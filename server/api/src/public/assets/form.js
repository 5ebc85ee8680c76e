// What JavaScript adds to a form that works without it. This part: the answers, live totals, checks on leaving a question, the
// summary of what is wrong, the steps above. The server alone computes and decides.
import { check } from "./validate.js";
// ---

const form = document.getElementById("form");
const texts = JSON.parse(form.dataset.texts);
const live = form.querySelector("[data-live]");
document.documentElement.classList.add("js");

const say = (key, params = {}) =>
  Object.entries(params).reduce((text, [name, value]) => text.replaceAll(`{${name}}`, value), texts[key] ?? key);
const announce = (text) => {
  live.textContent = "";
  requestAnimationFrame(() => (live.textContent = text));
};
const show = (element, shown = true) => element && (element.hidden = !shown);
const questions = (inside = form) => [...inside.querySelectorAll("[data-rules]")].filter((input) => !input.closest("template"));

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
  markSteps();
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
    summariseRows();
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
  const described = new Set((input.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
  described.delete(id);
  if (!text) {
    note?.remove();
    input.removeAttribute("aria-invalid");
    if (described.size) input.setAttribute("aria-describedby", [...described].join(" "));
    else input.removeAttribute("aria-describedby");
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
  input.setAttribute("aria-describedby", [id, ...described].join(" "));
}

const isEmpty = (input) => input.matches("input, textarea, select") && (input.type === "checkbox" ? !input.checked : !input.value.trim());

form.addEventListener("focusout", (event) => {
  const input = event.target.closest?.("[data-rules]");
  if (!input || input.contains(event.relatedTarget)) return;
  // An empty question is no mistake until the form is sent.
  mark(input, isEmpty(input) && !input.hasAttribute("aria-invalid") ? "" : message(input));
});
form.addEventListener("input", (event) => {
  const input = event.target.closest("[data-rules]");
  if (input?.getAttribute("aria-invalid") && !message(input)) mark(input, "");
  changed();
});

// --- what is wrong, on top

/** Marks every mistake, lists them above the questions and goes to the first; tells whether there was one. */
function tellProblems() {
  const wrong = questions().filter((input) => {
    const text = message(input);
    mark(input, text);
    return text;
  });
  const place = form.querySelector("[data-errors-here]");
  place.replaceChildren();
  if (!wrong.length) return false;
  const box = document.createElement("section");
  box.className = "errors";
  box.setAttribute("aria-labelledby", "errors-title");
  const title = document.createElement("h2");
  title.id = "errors-title";
  title.textContent = say("form.errors_title");
  const hint = document.createElement("p");
  hint.textContent = say("form.errors_hint");
  const list = document.createElement("ul");
  for (const input of wrong) {
    const link = document.createElement("a");
    link.href = `#${input.id}`;
    link.textContent = inRow(input, message(input));
    link.addEventListener("click", (event) => {
      event.preventDefault();
      goTo(input);
    });
    list.append(document.createElement("li"));
    list.lastElementChild.append(link);
  }
  box.append(title, hint, list);
  place.append(box);
  announce(`${say("form.errors_title")} ${message(wrong[0])}`);
  goTo(wrong[0]);
  return true;
}

/** Tables have many answers of one name. */
function inRow(input, text) {
  const row = input.closest(".row");
  return row ? say("form.in_row", { number: Number(row.dataset.row) + 1, problem: text }) : text;
}

function goTo(input) {
  const row = input.closest(".row");
  if (row) openRow(row);
  (input.matches("fieldset") ? input.querySelector("input") : input).focus();
}

// A link of the server's own summary leads into a closed row, too.
form.querySelector("[data-errors]")?.addEventListener("click", (event) => {
  const target = event.target.closest("a[href^='#']") && document.getElementById(event.target.closest("a").hash.slice(1));
  if (!target) return;
  event.preventDefault();
  if (target.matches("[data-rules]")) goTo(target);
  else target.focus();
});

// --- the steps above the form

const steps = [...form.querySelectorAll("[data-step]")].map((link) => ({ link, part: document.getElementById(link.hash.slice(1)) }));

function markSteps() {
  for (const { link, part } of steps) {
    const asked = questions(part).filter((input) => !input.closest(".row") || !isSpare(input.closest(".row")));
    const needed = asked.filter((input) => JSON.parse(input.dataset.rules).required);
    const table = part.querySelector("[data-rows]");
    const rows = !table || rowsOf(table).some((row) => !isSpare(row));
    const done = rows && asked.every((input) => !message(input)) && (needed.length > 0 || asked.some((input) => !isEmpty(input)));
    link.classList.toggle("done", done);
    link.querySelector("[data-step-done]").textContent = done ? `, ${say("form.step_done")}` : "";
  }
}

form.addEventListener("focusin", (event) => {
  for (const { link, part } of steps) {
    if (part.contains(event.target)) link.setAttribute("aria-current", "step");
    else if (steps.some((step) => step.part.contains(event.target))) link.removeAttribute("aria-current");
  }
});
