// What the page does beyond being read: charts, filters over all of them, and sorting of tables.
const content = JSON.parse(document.getElementById("data").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const hidden = Object.fromEntries(content.filters.map((field) => [field, new Set()]));

const isShown = (row) =>
  content.filters.every((field) => !(field in row) || !hidden[field].has(String(row[field])));

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

async function draw(panel) {
  const [specification, table] = content.charts[panel.dataset.chart];
  const condition = Number(panel.dataset.condition);
  const hasResult = (row) => (row.status ?? "done") === "done";
  const values = content[table].filter(
    (row) => row.condition === condition && hasResult(row) && isShown(row));
  panel.hidden = values.length === 0;
  const drawing = panel.querySelector(".drawing");
  panel.drawn?.finalize();
  panel.drawn = null;
  if (panel.hidden) return;
  panel.drawn = await window.vegaEmbed(
    drawing, { ...specification, data: { values }, config: colours() },
    // ast: expressions are interpreted, so that the page may forbid the making of code.
    { ast: true, actions: false, defaultStyle: false, renderer: "canvas",
      tooltip: { disableDefaultStyle: true } },
  );
}

async function drawAll() {
  for (const panel of document.querySelectorAll(".panel")) await draw(panel);
  document.documentElement.dataset.drawn = String(Number(document.documentElement.dataset.drawn ?? 0) + 1);
}

function filterTables() {
  const runs = new Map(content.runs.map((row) => [row.run_id, row]));
  for (const table of document.querySelectorAll("table")) {
    const headings = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    for (const row of table.tBodies[0]?.rows ?? []) {
      const shown = content.filters.every((field) => {
        const place = headings.indexOf(field.replace("_", " "));
        return place < 0 || !hidden[field].has(row.cells[place].textContent.trim());
      });
      const run = headings[0] === "run" ? runs.get(row.cells[0].textContent.trim()) : null;
      row.hidden = !shown || (run && !isShown(run));
    }
  }
}

function addFilters(form) {
  for (const field of content.filters) {
    const values = [...new Set(content.runs.map((row) => String(row[field])))];
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
for (const panels of document.querySelectorAll(".panels")) panels.hidden = false;
addFilters(document.getElementById("filters"));
dark.addEventListener("change", drawAll);
drawAll();
