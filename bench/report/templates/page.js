// Charts, filters for all charts and tables, and sorting of tables.
const content = JSON.parse(document.getElementById("data").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const page = document.documentElement;
const hidden = Object.fromEntries(content.filters.map((field) => [field, new Set()]));

// Tables are stored by column. A curve names its run by its index.
function rowsOf(columns) {
  const names = Object.keys(columns);
  return columns[names[0]].map(
    (_, place) => Object.fromEntries(names.map((name) => [name, columns[name][place]])));
}
const runs = rowsOf(content.runs);
const tables = {
  done: runs.filter((row) => row.status === "done"),
  curves: rowsOf(content.curves).map((row) => ({ ...runs[row.run], ...row })),
  rates: rowsOf(content.rates),
  time_by_part: rowsOf(content.time_by_part),
};

// The same text for a number in all the forms in which a table may show it.
function canonical(value) {
  const text = String(value).trim();
  const number = Number(text);
  return text && Number.isFinite(number) ? String(Number(number.toPrecision(6))) : text;
}

const isHidden = (field, value) => hidden[field].has(canonical(value));
const isShown = (row) =>
  content.filters.every((field) => !(field in row) || !isHidden(field, row[field]));

function colours() {
  const style = getComputedStyle(document.documentElement);
  const [ink, line] = ["--ink", "--line"].map((name) => style.getPropertyValue(name).trim());
  const axis = { labelColor: ink, titleColor: ink, gridColor: line, domainColor: line,
                 tickColor: line, labelFontSize: 12, titleFontSize: 12 };
  return {
    background: "transparent", font: "system-ui, sans-serif", view: { stroke: line }, axis,
    legend: { labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12,
              labelLimit: 240 },
    text: { color: ink },
  };
}

function rowsToDraw(panel) {
  const { table, needs, keepsUnknown } = content.charts[panel.dataset.chart];
  const all = tables[table].filter((row) => row.condition === Number(panel.dataset.condition));
  const isKnown = (row) => Object.entries(needs).every(
    ([field, above]) => row[field] !== null && row[field] > above);
  const chosen = all.filter(isShown);
  const known = chosen.filter(isKnown);
  const drawn = known.length && keepsUnknown ? chosen : known;
  return { drawn, isWhole: chosen.length === all.length };
}

async function draw(panel) {
  const { drawn: values, isWhole } = rowsToDraw(panel);
  panel.hidden = values.length === 0;
  panel.drawn?.finalize();
  panel.drawn = null;
  panel.values = values;
  if (panel.hidden) return;
  const drawing = panel.querySelector(".drawing");
  panel.whole ??= drawing.getAttribute("aria-label");
  fillNumbers(panel);
  panel.drawn = await window.vegaEmbed(
    drawing,
    { ...content.charts[panel.dataset.chart].specification, data: { values }, config: colours() },
    // ast: expressions are interpreted, so that the page may forbid eval.
    { ast: true, actions: false, defaultStyle: false, renderer: "canvas",
      tooltip: { disableDefaultStyle: true } },
  );
  // Replace what Vega set.
  drawing.setAttribute("role", "img");
  drawing.removeAttribute("aria-roledescription");
  drawing.setAttribute("aria-label", isWhole ? panel.whole : `${panel.whole} Filtered: `
    + `${values.length} points are shown. The table below contains their numbers.`);
}

// Draw all charts one after the other; stop if a newer request exists.
let wanted = 0;
let drawing = Promise.resolve();
function drawAll() {
  const request = ++wanted;
  drawing = drawing.then(async () => {
    for (const panel of document.querySelectorAll(".panel")) {
      if (request !== wanted) return;
      await draw(panel);
    }
    page.dataset.drawn = String(request);
  });
}

// Show the numbers of a chart as a table, for keyboards and screen readers.
function fillNumbers(panel) {
  const details = panel.querySelector(".numbers");
  details.querySelector(".wide")?.remove();
  if (!details.open) return;
  const { fields } = content.charts[panel.dataset.chart];
  const table = document.createElement("table");
  const names = [panel.closest("figure").querySelector("h3"), panel.querySelector("h4")];
  const caption = names.map((element) => element.textContent).join(", ");
  table.createCaption().textContent = caption;
  const head = table.createTHead().insertRow();
  for (const field of fields) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = field.replaceAll("_", " ");
    head.append(cell);
  }
  const body = table.createTBody();
  for (const values of panel.values) {
    const row = body.insertRow();
    for (const field of fields) {
      const cell = row.insertCell();
      const value = values[field];
      if (typeof value === "number") cell.className = "number";
      cell.textContent = value === true ? "yes" : value === false ? "no" : value ?? "-";
    }
  }
  makeSortable(table);
  const wide = document.createElement("div");
  wide.className = "wide";
  wide.tabIndex = 0;
  wide.role = "region";
  wide.ariaLabel = `Numbers: ${caption}`;
  wide.append(table);
  details.append(wide);
}

function filterTables() {
  const byName = new Map(runs.map((row) => [row.run_id, row]));
  for (const table of document.querySelectorAll("main > section > .wide > table")) {
    const headings = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    for (const row of table.tBodies[0]?.rows ?? []) {
      const shown = content.filters.every((field) => {
        const place = headings.indexOf(field.replace("_", " "));
        return place < 0 || !isHidden(field, row.cells[place].textContent);
      });
      const run = headings[0] === "run" ? byName.get(row.cells[0].textContent.trim()) : null;
      row.hidden = !shown || (run && !isShown(run));
    }
    headings.forEach((heading, place) => {
      const rate = heading.match(/^rate (.+)$/)?.[1];
      if (rate === undefined) return;
      for (const row of table.rows) row.cells[place].hidden = isHidden("learning_rate", rate);
    });
  }
  const shown = runs.filter(isShown).length;
  const [count, paper] = ["count", "paper"].map((name) => document.getElementById(name));
  count.textContent = `${shown} of ${runs.length} runs are shown.`;
  count.hidden = paper.hidden = shown === runs.length;
}

function addFilters(form) {
  for (const field of content.filters) {
    const values = [...new Set(runs.map((row) => canonical(row[field])))];
    if (values.length < 2) continue;
    const set = document.createElement("fieldset");
    const legend = document.createElement("legend");
    legend.textContent = field.replace("_", " ");
    set.append(legend);
    for (const value of values) {
      const label = document.createElement("label");
      const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
      box.dataset.field = field;
      box.value = value;
      box.addEventListener("change", () => {
        hidden[field][box.checked ? "delete" : "add"](value);
        filterTables();
        drawAll();
      });
      label.append(box, " ", value);
      set.append(label);
    }
    form.append(set);
    form.hidden = false;
  }
}

function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((cell, place) => {
    if (!cell.textContent.trim()) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...cell.childNodes);
    cell.append(button);
    button.addEventListener("click", () => {
      const descending = cell.ariaSort === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      cell.ariaSort = descending ? "descending" : "ascending";
      const key = (row) => row.cells[place].textContent.trim();
      const number = (text) => parseFloat(text.replaceAll(",", ""));
      const rows = [...table.tBodies[0].rows].sort((one, other) => {
        const [a, b] = [key(one), key(other)];
        const [x, y] = [number(a), number(b)];
        if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1; // blanks last
        const order = Number.isNaN(x) ? a.localeCompare(b) : x - y;
        return descending ? -order : order;
      });
      table.tBodies[0].append(...rows);
    });
  });
}

for (const table of document.querySelectorAll("table")) if (table.tBodies[0]) makeSortable(table);
for (const details of document.querySelectorAll(".numbers"))
  details.addEventListener("toggle", () => fillNumbers(details.closest(".panel")));
addFilters(document.getElementById("filters"));
page.classList.add("scripted");
dark.addEventListener("change", drawAll);
drawAll();
