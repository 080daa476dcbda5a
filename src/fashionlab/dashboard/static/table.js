// The table of all runs: sorted, filtered, and changed in place, so that focus and ticks outlive every update.

import { duration, epochs, make, moment, percent, text, whole } from "./format.js";

// `wide` columns are left out on a phone; what they say then stands in a line below the run's name.
const COLUMNS = [
  { key: "name", label: "Run" },
  { key: "model", label: "Model", wide: true, keep: true, show: (row) => text(row.model) },
  { key: "state", label: "State", wide: true, show: (row) => row.state || "unknown" },
  { key: "epoch", label: "Epoch", wide: true, number: true, show: epochs },
  { key: "val_accuracy", label: "Val", title: "validation accuracy", number: true, show: (row) => percent(row.val_accuracy) },
  { key: "test_accuracy", label: "Test", title: "test accuracy", number: true, show: (row) => percent(row.test_accuracy) },
  { key: "parameters", label: "Parameters", wide: true, number: true, show: (row) => whole(row.parameters) },
  { key: "train_seconds", label: "Training time", wide: true, number: true, show: (row) => duration(row.train_seconds) },
  { key: "started", label: "Started", wide: true, number: true, show: (row) => moment(row.started) },
];

const order = { key: "started", descending: true };

const $ = (id) => document.getElementById(id);
const lines = new Map(); // run name -> {tr, box, ...}: its elements
let rows = [];
let ticked = new Set();
let onTick = () => {};

/** Build the fixed parts. `changed(names)` is called whenever another set of runs is ticked. */
export function start(changed) {
  onTick = changed;
  const head = $("table").tHead.rows[0];
  head.append(make("th", { scope: "col", class: "tick" }, make("span", { class: "hidden" }, "Compare")));
  for (const column of COLUMNS) {
    const button = make("button", { type: "button", title: `Sort by ${column.title ?? column.label.toLowerCase()}` }, column.label);
    button.addEventListener("click", () => sortBy(column.key));
    head.append(make("th", { scope: "col", class: classes(column), "data-key": column.key }, button));
    $("sort").append(make("option", { value: column.key }, column.title ?? column.label));
  }
  $("sort").addEventListener("change", () => sortBy($("sort").value));
  $("direction").addEventListener("click", () => sortBy(order.key));
  $("filter").addEventListener("input", render);
  $("state").addEventListener("change", render);
  $("untick").addEventListener("click", () => {
    tick(new Set());
    $("runs").focus();
  });
  showOrder();
}

export function update(newRows, folder) {
  rows = newRows;
  const names = new Set(rows.map((row) => row.name));
  for (const [name, line] of lines) {
    if (names.has(name)) continue;
    line.tr.remove();
    lines.delete(name);
  }
  if ([...ticked].some((name) => !names.has(name))) tick(new Set([...ticked].filter((name) => names.has(name))));
  offerStates();
  $("empty").dataset.folder = folder;
  render();
}

function classes(column) {
  return [column.number && "number", column.wide && "wide", column.keep && "keep"].filter(Boolean).join(" ");
}

function sortBy(key) {
  const column = COLUMNS.find((one) => one.key === key);
  order.descending = order.key === key ? !order.descending : Boolean(column.number);
  order.key = key;
  showOrder();
  render();
}

function showOrder() {
  for (const head of document.querySelectorAll("#table th[data-key]")) {
    if (head.dataset.key === order.key) head.setAttribute("aria-sort", order.descending ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  $("sort").value = order.key;
  $("direction").textContent = order.descending ? "↓ descending" : "↑ ascending";
}

function offerStates() {
  const states = [...new Set(rows.map((row) => row.state || "unknown"))].sort();
  const offered = [...$("state").options].slice(1).map((option) => option.value);
  if (states.join() === offered.join()) return;
  const chosen = $("state").value;
  $("state").replaceChildren(make("option", { value: "" }, "all"), ...states.map((state) => make("option", { value: state }, state)));
  $("state").value = states.includes(chosen) ? chosen : "";
}

function compare(a, b) {
  const [first, second] = [a[order.key], b[order.key]];
  if (first == null || second == null) return (first == null) - (second == null); // unknown last, either way
  const byKey = typeof first === "string" ? first.localeCompare(second, "en", { numeric: true }) : first - second;
  return (order.descending ? -byKey : byKey) || a.name.localeCompare(b.name, "en", { numeric: true });
}

function matches(row, words, state) {
  const where = [row.name, row.recipe, row.model, row.state].join(" ").toLowerCase();
  return (!state || (row.state || "unknown") === state) && words.every((word) => where.includes(word));
}

function render() {
  const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = rows.filter((row) => matches(row, words, $("state").value)).sort(compare);
  const visible = new Set(shown.map((row) => row.name));
  for (const row of rows) {
    if (!lines.has(row.name)) lines.set(row.name, newLine(row.name));
    fill(lines.get(row.name), row);
    if (!visible.has(row.name)) lines.get(row.name).tr.remove();
  }
  const body = $("table").tBodies[0];
  shown.forEach((row, place) => {
    const { tr } = lines.get(row.name);
    if (body.rows[place] !== tr) body.insertBefore(tr, body.rows[place] ?? null);
  });
  setText($("count"), shown.length === rows.length ? `${rows.length} runs` : `${shown.length} of ${rows.length} runs`);
  $("table").hidden = !shown.length;
  $("empty").hidden = Boolean(shown.length);
  if (rows.length) setText($("empty"), "No run matches the filter.");
  else setText($("empty"), `There are no runs in ${$("empty").dataset.folder} yet. Make one with: fashionlab train --runs ${$("empty").dataset.folder}`);
}

function newLine(name) {
  const box = make("input", { type: "checkbox", "aria-label": `Compare ${name}` });
  box.addEventListener("change", () => {
    const next = new Set(ticked);
    if (box.checked) next.add(name);
    else next.delete(name);
    tick(next);
  });
  const report = make("a", { href: `/report/${path(name)}`, target: "_blank", rel: "noopener", "aria-label": `Report of ${name}` }, "report");
  const about = make("span", { class: "about" });
  const narrow = make("span", { class: "about narrow" });
  const reason = make("span", { class: "reason" });
  const head = make("th", { scope: "row" }, make("span", { class: "name" }, name), " ", report, about, narrow, reason);
  const cells = COLUMNS.slice(1).map((column) => make("td", { class: classes(column) }));
  const tr = make("tr", {}, make("td", { class: "tick" }, make("label", {}, box)), head, ...cells);
  return { tr, box, report, about, narrow, reason, cells };
}

function fill(line, row) {
  line.report.hidden = !row.report;
  setText(line.about, row.recipe);
  setText(line.narrow, [row.model, row.state, `epoch ${epochs(row)}`, row.parameters && `${whole(row.parameters)} parameters`,
    row.train_seconds != null && duration(row.train_seconds), row.started && moment(row.started)].filter(Boolean).join(" · "));
  setText(line.reason, row.reason ?? "");
  line.tr.dataset.state = row.state;
  COLUMNS.slice(1).forEach((column, i) => setText(line.cells[i], column.show(row)));
}

function tick(next) {
  ticked = next;
  for (const [name, line] of lines) line.box.checked = ticked.has(name);
  $("bar").hidden = !ticked.size;
  $("ticked").textContent = `${ticked.size} ticked: see the comparison`;
  onTick([...ticked]);
}

/** A run's name as part of an address. */
export const path = (name) => name.split("/").map(encodeURIComponent).join("/");

function setText(element, value) {
  if (element.textContent !== value) element.textContent = value;
}
