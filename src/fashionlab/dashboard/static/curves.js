// What is drawn of runs: the live curves of those in training, and the comparison of the ticked ones.

import { chart, swatch } from "./chart.js";
import { decimal, duration, epochs, make, percent, text, whole } from "./format.js";

const $ = (id) => document.getElementById(id);

const accuracy = Object.assign((value) => percent(value), {
  tick: (value, step) => `${(100 * value).toFixed(step < 0.00999 ? 1 : 0)}%`,
});
const loss = Object.assign(decimal(4), { tick: (value, step) => value.toFixed(Math.max(0, Math.ceil(-Math.log10(step) - 1e-9))) });

/** The lines of one quantity ("accuracy" or "loss") of runs [{name, index, history}]. */
function series(quantity, runs) {
  const line = (run, split, dashed) => ({
    name: `${run.label}${dashed ? "training" : "validation"}`,
    index: run.index,
    dashed,
    points: run.history.filter((row) => row[`${split}_${quantity}`] != null && row.epoch != null)
      .map((row) => [row.epoch, row[`${split}_${quantity}`]]),
  });
  return runs.flatMap((run) => [line(run, "train", true), line(run, "val", false)]);
}

function pair() {
  const charts = { accuracy: chart("Accuracy", accuracy), loss: chart("Loss", loss) };
  return {
    figures: [charts.accuracy.figure, charts.loss.figure],
    update: (runs) => Object.entries(charts).forEach(([quantity, one]) => one.update(series(quantity, runs))),
  };
}

const cards = new Map(); // run name -> {card, about, charts}

/** Show the curves of the rows in training; details: run name -> what /api/runs/NAME says. */
export function showLive(rows, details) {
  const running = rows.filter((row) => row.state === "running");
  $("training").hidden = !running.length;
  for (const [name, { card }] of cards) {
    if (running.some((row) => row.name === name)) continue;
    card.remove();
    cards.delete(name);
  }
  for (const row of running) {
    if (!cards.has(row.name)) cards.set(row.name, newCard(row.name));
    const { about, bar, charts } = cards.get(row.name);
    const accuracyNow = row.val_accuracy == null ? "" : `, validation accuracy ${percent(row.val_accuracy)}`;
    about.textContent = `${text(row.model)}, epoch ${epochs(row)}${accuracyNow}`;
    bar.max = row.epochs ?? 1;
    bar.value = row.epoch;
    charts.update([{ label: "", index: 0, history: details.get(row.name)?.history ?? [] }]);
  }
}

function newCard(name) {
  const charts = pair();
  const about = make("p", {});
  const bar = make("progress", { "aria-label": `Epochs of ${name}` });
  const card = make("article", { "aria-label": name }, make("h3", {}, name), about, bar,
    make("div", { class: "charts" }, ...charts.figures));
  $("live").append(card);
  return { card, about, bar, charts };
}

/** How each `show` of a row of /api/scores is written. */
const SHOW = { percent, decimal: decimal(4), whole, duration, text };

let compared = null;

/** Show the ticked runs (names in the order ticked), of which `details` are known; scores: what /api/scores says. */
export function showComparison(names, details, folder, scores) {
  const runs = names.filter((name) => details.has(name)).map((name, index) => ({ name, label: `${name} `, index, ...details.get(name) }));
  $("comparison").hidden = !runs.length;
  if (!runs.length) return;
  if (!compared) {
    compared = pair();
    $("curves").append(...compared.figures);
  }
  compared.update(runs);
  const what = JSON.stringify(runs.map(({ name, scores, data }) => [name, scores, data]));
  if ($("scores").dataset.shown === what) return;
  $("scores").dataset.shown = what;
  $("legend").replaceChildren(...runs.map((run) => make("li", {}, swatch(run.index), run.name)));
  scoresTable(runs, scores);
  $("notes").replaceChildren(...notes(runs, folder).map((note) => make("li", {}, note)));
}

function scoresTable(runs, scores) {
  const head = make("tr", {}, make("td", {}), ...runs.map((run) => make("th", { scope: "col" }, swatch(run.index), make("span", {}, run.name))));
  const body = scores.map(({ label, key, show, better }) => {
    const values = runs.map((run) => run.scores[key] ?? run.data[key] ?? null);
    const known = values.filter((value) => value != null);
    const best = better && runs.length > 1 && new Set(known).size > 1 ? Math[better === "high" ? "max" : "min"](...known) : null;
    const cells = values.map((value) => {
      const mark = best != null && value === best;
      return make("td", { class: mark ? "best" : null }, SHOW[show](value), mark ? make("span", { class: "hidden" }, " (best)") : null);
    });
    return make("tr", {}, make("th", { scope: "row" }, label), ...cells);
  });
  $("scores").replaceChildren($("scores").caption, make("thead", {}, head), make("tbody", {}, ...body));
}

/** What one must know before believing the table. */
function notes(runs, folder) {
  const differ = (key) => new Set(runs.map((run) => run.data[key]).filter(Boolean)).size > 1;
  const said = [];
  if (runs.length > 1) said.push("Bold: the best of the runs here. Whether a difference is more than chance, this command says: "
    + `fashionlab compare ${runs.map((run) => quote(`${folder}/${run.name}`)).join(" ")}`);
  if (differ("sha256")) said.push("These runs were trained on different data: their scores are not of the same task.");
  else if (differ("split_sha256")) said.push("These runs hold out or train on different pictures: their validation accuracies are not of the same pictures.");
  if (runs.some((run) => run.scores.test_accuracy == null)) said.push("–: not known, because the run has not finished or was not evaluated.");
  return said;
}

const quote = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
