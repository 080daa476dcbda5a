// A page that answers pictures by itself: a picture from anywhere to the network, and what it says.

import { offerCamera } from "./camera.js";
import { takePictures } from "./give.js";
import { open } from "./model.js";
import { $, bringIntoView, percent, show } from "./show.js";

let latest = 0; // of questions: an answer that comes after a later one is not shown

/** Answer the picture in `blob` once there is a network. */
async function look(blob, opening) {
  const number = ++latest;
  try {
    const model = await opening;
    const answer = await model.answer(blob);
    if (number !== latest) return;
    show(blob, answer, model.about.coverage);
    const { prepare, answer: asking } = answer.milliseconds;
    $("time").textContent = `${Math.round(prepare)} ms to prepare the picture, ${Math.round(asking)} ms to answer.`;
    $("problem").hidden = true;
    bringIntoView();
  } catch (error) {
    if (number === latest) complain(error);
  }
}

function complain(error) {
  $("problem").textContent = error.message;
  $("problem").hidden = false;
  $("answer").hidden = true;
  $("none").hidden = true;
}

function describe({ about }) {
  $("none").textContent = "Nothing yet: choose, take, drop or paste a picture.";
  $("preparation").textContent = about.photos;
  $("knows").textContent = `It knows ${about.classes.length} classes, and gives one of them for whatever it is shown: ` +
    `${about.classes.join(", ")}.`;
  $("model").textContent = `Model: ${about.name}, ${about.parameters.toLocaleString("en")} parameters` +
    (about.accuracy == null ? "" : `, ${percent(about.accuracy)} right on test pictures`);
}

function start() {
  const opening = open((part) => { $("none").textContent = `Loading ${part} …`; });
  opening.then(describe, complain);
  takePictures((blob) => look(blob, opening));
  offerCamera((blob) => look(blob, opening), complain);
}

start();
