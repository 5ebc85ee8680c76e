// Tables of rows: add, remove with undo, copy, move, paste from a spreadsheet; on a narrow screen a filled row closes to one line.
// ---

const isSpare = (row) =>
  [...row.querySelectorAll("input, select, textarea")].every((input) => (input.type === "checkbox" ? !input.checked : !input.value.trim()));
const rowsOf = (table) => [...table.querySelector("ol.rows").children];
const inputsOf = (row) => [...row.querySelectorAll("[data-rules]")];
const focusRow = (row) => {
  if (!row) return;
  openRow(row);
  row.querySelector("input, select, textarea")?.focus();
};

function renumber(table) {
  rowsOf(table).forEach((row, index) => {
    const [before, number] = [row.dataset.row, String(index)];
    row.dataset.row = number;
    const swap = (text) => text.replace(`.${before}.`, `.${number}.`).replace(`-${before}-`, `-${number}-`).replace(`/${before}/`, `/${number}/`);
    for (const element of row.querySelectorAll("[id], [name], [for], [data-pointer], [data-computed], [aria-describedby]")) {
      for (const attribute of ["id", "name", "for", "data-pointer", "data-computed"]) {
        const value = element.getAttribute(attribute);
        if (value && value !== "_action") element.setAttribute(attribute, swap(value));
      }
      const described = element.getAttribute("aria-describedby");
      if (described) element.setAttribute("aria-describedby", described.split(" ").map(swap).join(" "));
    }
    row.querySelector("legend").textContent = say("form.row", { number: index + 1 });
    const name = (selector, key) => row.querySelector(selector).setAttribute("aria-label", say(key, { number: index + 1 }));
    name("[data-remove]", "form.remove_row");
    name("[data-copy-row]", "form.copy_row");
    name("[data-grip]", "form.move_row");
    row.querySelector("[data-remove]").value = `remove:${table.dataset.rows}:${index}`;
  });
  summariseRows();
}

function addRow(table, before = null, quiet = false) {
  const list = table.querySelector("ol.rows");
  if (list.children.length >= Number(table.dataset.max)) return null;
  const row = table.querySelector("template[data-blank]").content.firstElementChild.cloneNode(true);
  list.insertBefore(row, before);
  equip(row);
  renumber(table);
  if (!quiet) announce(say("form.row_added", { number: rowsOf(table).indexOf(row) + 1 }));
  return row;
}

function copyRow(table, row) {
  const copy = addRow(table, row.nextElementSibling);
  if (!copy) return;
  inputsOf(row).forEach((input, index) => {
    const target = inputsOf(copy)[index];
    if (input.type === "checkbox") target.checked = input.checked;
    else target.value = input.value;
  });
  changed();
  focusRow(copy);
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

// --- closed rows

/** What a closed row says: its first text, its other answers, its last computed value. */
function summariseRows() {
  for (const table of form.querySelectorAll("[data-rows]")) {
    for (const row of rowsOf(table)) {
      const said = inputsOf(row).map((input) => {
        const text = input.tagName === "SELECT" ? (input.selectedOptions[0]?.text ?? "") : input.value.trim();
        const sign = input.closest(".amount")?.firstElementChild.textContent;
        return input.type === "checkbox" || !text ? "" : sign ? `${sign}\u00a0${text}` : text;
      });
      row.querySelector("[data-line-title]").textContent = said[0] || row.querySelector("legend").textContent;
      row.querySelector("[data-line-more]").textContent = said.slice(1).filter(Boolean).join(" · ");
      row.querySelector("[data-line-sum]").textContent = [...row.querySelectorAll("output")].at(-1)?.textContent ?? "";
    }
  }
  const filled = [...form.querySelectorAll("ol.rows > .row")].filter((row) => !isSpare(row)).length;
  const count = form.querySelector("[data-row-count]");
  if (count) count.textContent = filled === 0 ? "" : `· ${say(filled === 1 ? "form.row_count_one" : "form.row_count", { count: filled })}`;
}

function openRow(row) {
  row.classList.remove("closed");
  row.querySelector("[data-open]").setAttribute("aria-expanded", "true");
}

/** Rows that are filled in and right close, but for the one in use. Only narrow screens show the difference. */
function closeRows(table, used = null) {
  for (const row of rowsOf(table)) {
    if (row === used || isSpare(row) || inputsOf(row).some((input) => message(input))) continue;
    row.classList.add("closed");
    row.querySelector("[data-open]").setAttribute("aria-expanded", "false");
  }
}

// --- pasting

function pasteText(text, table, row, input) {
  const lines = text.replace(/\r\n?/g, "\n").replace(/\n$/, "").split("\n");
  const column = inputsOf(row).indexOf(input);
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

function fill(input, value) {
  if (input.type === "checkbox") input.checked = /^(1|x|on|yes|true|是)$/i.test(value);
  else if (input.tagName === "SELECT") {
    const wanted = [...input.options].find((option) => [option.value, option.text].some((text) => text.toLowerCase() === value.toLowerCase()));
    if (wanted) input.value = wanted.value;
  } else input.value = value;
}

/** The button: rows go behind what is filled in already. */
async function pasteRows(table) {
  const text = await navigator.clipboard.readText().catch(() => "");
  if (!text.trim()) return announce(say("form.paste_failed"));
  const row = rowsOf(table).find(isSpare) ?? addRow(table, null, true);
  if (row) pasteText(text, table, row, inputsOf(row)[0]);
}

// --- wiring

function equip(row) {
  show(row.querySelector("[data-grip]"));
  show(row.querySelector("[data-copy-row]"));
  show(row.querySelector("[data-open]"));
}

for (const table of form.querySelectorAll("[data-rows]")) {
  const click = (selector, act) =>
    table.addEventListener("click", (event) => {
      const button = event.target.closest(selector);
      if (!button) return;
      event.preventDefault();
      act(button.closest(".row"));
    });
  show(table.querySelector("[data-add]"));
  show(table.querySelector("[data-paste]"), Boolean(navigator.clipboard?.readText));
  rowsOf(table).forEach(equip);
  // Spare rows are for those without a button to add one; on a narrow screen they only make the way longer.
  if (matchMedia("(max-width: 719px)").matches) {
    while (rowsOf(table).length > 1 && isSpare(rowsOf(table).at(-1))) rowsOf(table).at(-1).remove();
  }
  click("[data-add]", () => {
    const row = addRow(table);
    closeRows(table, row);
    focusRow(row);
    changed();
  });
  click("[data-paste]", () => pasteRows(table));
  click("[data-remove]", (row) => removeRow(table, row));
  click("[data-copy-row]", (row) => copyRow(table, row));
  click("[data-open]", (row) => {
    closeRows(table, row);
    focusRow(row);
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
    const text = event.clipboardData.getData("text/plain");
    if (!input || !/[\t\n]/.test(text.trimEnd())) return;
    event.preventDefault();
    pasteText(text, table, input.closest(".row"), input);
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
