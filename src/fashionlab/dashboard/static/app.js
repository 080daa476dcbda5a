// Asks for the runs again and again and shows what changed.

import { showComparison, showLive } from "./curves.js";
import { path, start, update } from "./table.js";

const EVERY_MS = 1500;
const $ = (id) => document.getElementById(id);

const details = new Map(); // run name -> what /api/runs/NAME said, with the version it is of
let rows = [];
let ticked = [];
let folder = "";
let scores = null; // what /api/scores said: the rows of the comparison

async function ask(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return response.json();
}

async function refresh() {
  try {
    ({ folder, runs: rows } = await ask("/api/runs"));
    $("folder").textContent = folder;
    update(rows, folder);
    await refreshCurves();
    $("lost").hidden = true;
  } catch (error) {
    $("lost").textContent = `No answer from the dashboard (${error.message}); is it still running? Trying again.`;
    $("lost").hidden = false;
  }
}

/** Ask for the details that are shown and have changed. */
async function refreshCurves() {
  const wanted = rows.filter((row) => row.state === "running" || ticked.includes(row.name));
  for (const name of [...details.keys()]) if (!wanted.some((row) => row.name === name)) details.delete(name);
  await Promise.all(wanted.map(async (row) => {
    if (details.get(row.name)?.version === row.version) return;
    details.set(row.name, { ...(await ask(`/api/runs/${path(row.name)}`)), version: row.version });
  }));
  showLive(rows, details);
  scores ??= await ask("/api/scores");
  showComparison(ticked, details, folder, scores);
}

async function keepAsking() {
  if (!document.hidden) await refresh();
  setTimeout(keepAsking, EVERY_MS);
}

start((names) => {
  ticked = names;
  refreshCurves().catch(() => {}); // a run that is gone: the next round says so
});
document.addEventListener("visibilitychange", () => document.hidden || refresh());
keepAsking();
