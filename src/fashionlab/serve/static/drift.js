// Asks the service every two seconds how far the latest pictures are from those that the model was made with.

import { ask, keepToken, NeedsToken } from "./ask.js";

const EVERY = 2000;
const KEPT = 900; // half an hour of answers
const SVG = "http://www.w3.org/2000/svg";
const LIMIT_AT = 0.5; // where a bar's mark stands: twice the limit fills it

const ABOUT = {
  brightness: ["Brightness", "mean of all pixels"],
  ink: ["Ink", "share of pixels that are not black"],
  distance: ["Distance", "from all that the network knows"],
  confidence: ["Confidence", "probability of the answered class"],
  classes: ["Classes", "how often each class is answered"],
};

const $ = (id) => document.getElementById(id);
const cards = new Map();

function add(parent, tag, text, className) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (className) element.className = className;
  parent.append(element);
  return element;
}

function draw(parent, tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent.append(element);
  return element;
}

function makeCard(name) {
  const [title, about] = ABOUT[name] ?? [name, ""];
  const article = add($("figures"), "article");
  const head = add(article, "h2", title);
  const state = add(head, "span", "", "state");
  add(article, "p", about, "quiet");
  const bar = draw(article, "svg", { class: "gauge", role: "img", preserveAspectRatio: "none", viewBox: "0 0 100 10" });
  const filled = draw(bar, "rect", { class: "filled", x: 0, y: 2, width: 0, height: 6 });
  draw(bar, "path", { class: "mark", d: `M${LIMIT_AT * 100} 0V10` });
  const line = draw(article, "svg", { class: "trace", "aria-hidden": "true", preserveAspectRatio: "none",
    viewBox: "0 0 100 40" });
  const mark = draw(line, "path", { class: "mark" });
  const path = draw(line, "path", { class: "path" });
  const numbers = add(article, "p", "", "numbers");
  return { article, state, bar, filled, mark, path, numbers, values: [] };
}

function show(card, figure, full) {
  const statistic = figure.ks === null ? "PSI" : "KS";
  const value = figure.ks ?? figure.psi;
  const [now, limit] = [value.toFixed(3), figure.limit.toFixed(3)];
  card.article.classList.toggle("alarm", figure.alarm);
  card.state.textContent = figure.alarm ? "▲ drifted" : full ? "✓ as before" : "… filling";
  card.bar.setAttribute("aria-label", `${statistic} ${now}, limit ${limit}`);
  card.filled.setAttribute("width", Math.min(1, (LIMIT_AT * value) / figure.limit) * 100);
  card.numbers.textContent = `${statistic} ${now} · limit ${limit}` +
    (figure.ks === null ? "" : ` · PSI ${figure.psi.toFixed(3)}`);
  card.values.push(value);
  if (card.values.length > KEPT) card.values.shift();
  const top = Math.max(1.25 * figure.limit, ...card.values);
  const y = (value) => 40 - (38 * value) / top;
  const x = (index) => (card.values.length > 1 ? (100 * index) / (card.values.length - 1) : 0);
  card.mark.setAttribute("d", `M0 ${y(figure.limit)}H100`);
  card.path.setAttribute("d", card.values.map((value, i) => `${i ? "L" : "M"}${x(i)} ${y(value)}`).join(""));
}

function showState(words, kind) {
  const state = $("state");
  if (state.textContent !== words) state.textContent = words; // a screen reader speaks on every change
  state.dataset.kind = kind;
}

function render(drift) {
  const full = drift.window === drift.full;
  const drifted = drift.figures.filter((figure) => figure.alarm).map((figure) => (ABOUT[figure.name] ?? [figure.name])[0]);
  if (drifted.length) showState(`▲ Drift: ${drifted.join(", ")}`, "alarm");
  else if (full) showState("✓ No drift", "good");
  else showState("… Waiting for enough pictures", "waiting");
  const seen = drift.seen.toLocaleString("en");
  $("seen").textContent = full ? `The latest ${drift.full} of ${seen} pictures since the model was loaded.`
    : `${drift.window} of the ${drift.full} pictures that it takes.`;
  for (const figure of drift.figures) {
    if (!cards.has(figure.name)) cards.set(figure.name, makeCard(figure.name));
    show(cards.get(figure.name), figure, full);
  }
}

async function look() {
  try {
    render(await ask("v1/drift"));
    $("ask").hidden = true;
  } catch (error) {
    $("ask").hidden = !(error instanceof NeedsToken);
    showState(error.message, "alarm");
  }
}

async function loop() {
  if (!document.hidden) await look();
  setTimeout(loop, EVERY);
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken($("token").value);
  $("token").value = "";
  look();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
loop();
