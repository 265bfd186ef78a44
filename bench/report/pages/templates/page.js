// Charts, filters for all charts and tables, and sorting of tables.
const content = JSON.parse(document.getElementById("chart-data").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const page = document.documentElement;
const hidden = Object.fromEntries(content.filters.map((field) => [field, new Set()]));
const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

// Tables are stored by column. A curve names its run by its index.
function rowsOf(columns) {
  const names = Object.keys(columns);
  return columns[names[0]].map(
    (_, place) => Object.fromEntries(names.map((name) => [name, columns[name][place]])));
}
const tables = Object.fromEntries(
  Object.entries(content.tables).map(([name, columns]) => [name, rowsOf(columns)]));
const runs = tables.runs;
tables.done = runs.filter((row) => row.status === "done");
tables.curves = tables.curves.map((row) => ({ ...runs[row.run], ...row }));
tables.best_curves = tables.curves.filter((row) => row.at_best_rate);

// The same text for a number in all the forms in which a table may show it.
function canonical(value) {
  const text = String(value).trim();
  const number = Number(text);
  return text && Number.isFinite(number) ? String(Number(number.toPrecision(6))) : text;
}
const isHidden = (field, value) => hidden[field].has(canonical(value));
const isShown = (row) =>
  content.filters.every((field) => !(field in row) || !isHidden(field, row[field]));

// Dark colours get lighter on a dark page.
function onPage(colour) {
  const parts = [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));
  const light = (0.3 * parts[0] + 0.59 * parts[1] + 0.11 * parts[2]) / 255;
  if (!dark.matches || light > 0.4) return colour;
  const mixed = parts.map((part) => Math.round(part + (255 - part) * (0.55 - light)));
  return `#${mixed.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}
function specificationOf(name) {
  const { specification, legend } = content.charts[name];
  const text = JSON.stringify(specification);
  return JSON.parse(Object.values({ ...content.colours, ...legend }).reduce(
    (result, colour) => result.replaceAll(`"${colour}"`, `"${onPage(colour)}"`), text));
}
function theme() {
  const style = getComputedStyle(page);
  const [ink, quiet, line] = ["--ink", "--quiet", "--line"]
    .map((name) => style.getPropertyValue(name).trim());
  const titles = { labelColor: quiet, titleColor: quiet, labelFontSize: 11, titleFontSize: 11,
                   titleFontWeight: "normal" };
  return {
    background: "transparent", font: "system-ui, sans-serif", view: { stroke: null },
    axis: { ...titles, gridColor: line, domainColor: line, tickColor: line },
    axisY: { grid: true }, legend: { ...titles, labelLimit: 240, disable: true },
    text: { color: ink },
  };
}

function rowsToDraw(panel) {
  const { table, needs, keepsUnknown } = content.charts[panel.dataset.chart];
  const rows = tables[table].filter((row) => row.condition === Number(panel.dataset.condition));
  const isKnown = (row) => Object.entries(needs).every(
    ([field, above]) => row[field] !== null && row[field] > above);
  const chosen = rows.filter(isShown);
  const known = chosen.filter(isKnown);
  const drawn = known.length && keepsUnknown ? chosen : known;
  return { drawn, isWhole: chosen.length === rows.length };
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
  const specification = { ...specificationOf(panel.dataset.chart), data: { values },
    width: "container", autosize: { type: "fit-x", contains: "padding" }, config: theme() };
  panel.drawn = await window.vegaEmbed(
    drawing, specification,
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

// Draw all charts that are not folded, one after the other; stop if a newer request exists.
let wanted = 0;
let drawing = Promise.resolve();
const isFolded = (panel) => panel.closest("details.folded:not([open])") !== null;
function drawAll() {
  const request = ++wanted;
  drawing = drawing.then(async () => {
    for (const panel of all(".panel")) {
      if (request !== wanted) return;
      if (isFolded(panel)) panel.values = null;
      else await draw(panel);
    }
    for (const details of all(".numbers.live")) fillNumbers(details);
    page.dataset.drawn = String(request);
  });
}

function element(name, text, attributes = {}) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...[text].flat());
  return made;
}

// Show the numbers of a chart as a table, for keyboards and screen readers.
function fillNumbers(details) {
  details.querySelector(".wide")?.remove();
  const figure = details.closest("figure");
  const panels = all(".panel", figure).filter((panel) => panel.values?.length);
  if (!details.open || !panels.length) return;
  const { fields } = content.charts[figure.id];
  const table = document.createElement("table");
  table.createCaption().textContent = figure.querySelector("h3").textContent;
  const heading = (text) => element("th", text.replaceAll("_", " "), { scope: "col" });
  table.createTHead().insertRow().append(...["condition", ...fields].map(heading));
  const body = table.createTBody();
  for (const panel of panels) {
    const label = panel.querySelector("h4").textContent;
    for (const values of panel.values) {
      const row = body.insertRow();
      row.append(element("td", label));
      for (const value of fields.map((field) => values[field])) {
        const text = value === true ? "yes" : value === false ? "no" : value ?? "-";
        row.append(element("td", String(text), { className: typeof value === "number" ? "number" : "" }));
      }
    }
  }
  makeSortable(table);
  details.append(element("div", table, {
    className: "wide", tabIndex: 0, role: "region", ariaLabel: `Numbers: ${table.caption.textContent}` }));
}

function filterTables() {
  for (const row of all("main tr")) row.hidden = !isShown(row.dataset);
  for (const heading of all("thead th")) {
    const isColumnHidden = !isShown(heading.dataset);
    if (!Object.keys(heading.dataset).length) continue;
    for (const row of heading.closest("table").rows)
      if (!row.matches(".group")) row.cells[heading.cellIndex].hidden = isColumnHidden;
  }
  for (const group of all("main tr.group"))
    group.hidden = all("tr:not(.group)", group.parentElement).every((row) => row.hidden);
  const shown = runs.filter(isShown).length;
  document.getElementById("count").textContent =
    shown === runs.length ? "" : `${shown} of ${runs.length} runs are shown.`;
  document.getElementById("paper").hidden = shown === runs.length;
}

// The choices are part of the address: #speed?implementation=keras hides keras.
const anchor = () => location.hash.slice(1).split("?")[0];
function readAddress() {
  const query = new URLSearchParams(location.hash.split("?")[1] ?? "");
  for (const field of content.filters)
    hidden[field] = new Set(query.getAll(field));
  for (const box of all("#filters input")) box.checked = !isHidden(box.dataset.field, box.value);
}
function writeAddress(section) {
  const query = new URLSearchParams(
    content.filters.flatMap((field) => [...hidden[field]].map((value) => [field, value])));
  const hash = query.size ? `${section}?${query}` : section;
  history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
}
function choose(field, boxes) {
  hidden[field] = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
  writeAddress(anchor());
  filterTables();
  drawAll();
}

function swatch(colour) {
  const made = element("span", "", { className: "swatch" });
  made.dataset.colour = colour;
  made.style.background = onPage(colour);
  return made;
}
// One legend for all panels of a chart.
function addLegends() {
  for (const figure of all("figure.chart")) {
    const { legend } = content.charts[figure.id];
    if (Object.keys(legend).length)
      figure.querySelector("h3").after(element("p", Object.entries(legend).map(
        ([name, colour]) => element("span", [swatch(colour), name])), { className: "legend" }));
  }
}

function addFilters(filters) {
  const form = filters.querySelector("form");
  const names = Object.keys(content.colours);
  const byNumber = (one, other) => one - other || String(one).localeCompare(String(other));
  for (const field of content.filters) {
    const values = [...new Set(runs.map((row) => canonical(row[field])))].sort(
      field === "implementation" ? (one, other) => names.indexOf(one) - names.indexOf(other) : byNumber);
    if (values.length < 2) continue;
    const set = element("fieldset", element("legend", field.replace("_", " ")));
    const boxes = values.map((value) => Object.assign(
      document.createElement("input"), { type: "checkbox", checked: true, value }));
    for (const box of boxes) {
      box.dataset.field = field;
      box.addEventListener("change", () => choose(field, boxes));
      const label = element("label", [box, " "]);
      if (field === "implementation") label.append(swatch(content.colours[box.value] ?? "#888888"));
      label.append(box.value);
      const only = element("button", "only", { type: "button", className: "only" });
      only.setAttribute("aria-label", `only ${box.value}`);
      only.addEventListener("click", () => {
        const isAlone = boxes.every((other) => other.checked === (other === box));
        for (const other of boxes) other.checked = isAlone || other === box;
        choose(field, boxes);
      });
      set.append(element("div", [label, only], { className: "choice" }));
    }
    form.append(set);
  }
  filters.hidden = false;
  filters.open = window.innerWidth > 1200;
}

function makeSortable(table) {
  [...(table.tHead?.rows[0].cells ?? [])].forEach((cell, place) => {
    if (!cell.textContent.trim()) return;
    const button = element("button", [...cell.childNodes], { type: "button" });
    cell.append(button);
    button.addEventListener("click", () => {
      const descending = cell.ariaSort === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      cell.ariaSort = descending ? "descending" : "ascending";
      const key = (row) => row.cells[place]?.dataset.sort ?? row.cells[place]?.textContent.trim() ?? "-";
      const number = (text) => parseFloat(text.replaceAll(",", ""));
      const order = (one, other) => {
        const [a, b] = [key(one), key(other)];
        const [x, y] = [number(a), number(b)];
        if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1; // blanks last
        const difference = Number.isNaN(x) ? a.localeCompare(b) : x - y;
        return descending ? -difference : difference;
      };
      for (const body of table.tBodies)
        body.append(...all("tr:not(.group)", body).sort(order));
    });
  });
}

// Mark the section in view in the contents.
const links = all("nav a");
const observer = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const link = links.find((one) => one.hash === `#${entry.target.id}`);
    if (entry.isIntersecting) {
      for (const one of links) one.removeAttribute("aria-current");
      link?.setAttribute("aria-current", "true");
    }
  }
}, { rootMargin: "-10% 0px -80% 0px" });
for (const section of all("main > section")) observer.observe(section);
for (const link of all("nav a, .tiles a"))
  link.addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById(link.hash.slice(1)).scrollIntoView();
    writeAddress(link.hash.slice(1));
  });

for (const table of all("table")) makeSortable(table);
for (const details of all("details"))
  details.addEventListener("toggle", async () => {
    if (details.matches(".numbers.live")) fillNumbers(details);
    else if (details.open)
      for (const panel of all(".panel", details)) if (!panel.values) await draw(panel);
  });
addFilters(document.getElementById("filters"));
addLegends();
readAddress();
page.classList.add("scripted");
filterTables();
if (location.hash.includes("?")) document.getElementById(anchor())?.scrollIntoView();
window.addEventListener("hashchange", () => { readAddress(); filterTables(); drawAll(); });
dark.addEventListener("change", () => {
  for (const one of all(".swatch")) one.replaceWith(swatch(one.dataset.colour));
  drawAll();
});
drawAll();
