// The page at /: a picture from anywhere to the service, and what the service says of it.

import { ask, keepToken, NeedsToken } from "./ask.js";
import { drawing } from "./draw.js";

// Pictures of Fashion-MNIST, one of each of its classes, and photos of three.
const SAMPLES = [["T-shirt/top", "t-shirt.png"], ["Trouser", "trouser.png"], ["Pullover", "pullover.png"], ["Dress", "dress.png"],
  ["Coat", "coat.png"], ["Sandal", "sandal.png"], ["Shirt", "shirt.png"], ["Sneaker", "sneaker.png"], ["Bag", "bag.png"],
  ["Ankle boot", "ankle-boot.png"], ["Dress", "photo-dress.jpg"], ["Bag", "photo-bag.jpg"], ["Ankle boot", "photo-boot.jpg"]];
const $ = (id) => document.getElementById(id);
const percent = (value, digits = 1) => `${(100 * value).toFixed(digits)}%`;

let coverage = null;
let latest = 0; // of requests: an answer that comes after a later question is not shown
let again = null; // what to do once there is a token

/** Ask what is on `blob` and show it; then `done` with the answer. */
async function look(blob, done = bringIntoView) {
  const number = ++latest;
  const form = new FormData();
  form.append("picture", blob, blob.name ?? "picture.png");
  await reporting(number, async () => {
    const answer = await ask("v1/predict?top=1000&seen=true", { method: "POST", body: form });
    if (number !== latest) return;
    show(blob, answer.predictions[0]);
    done(answer.predictions[0]);
  }, () => look(blob, done));
}

function bringIntoView() {
  if ($("answer").getBoundingClientRect().top > innerHeight) $("result").scrollIntoView({ behavior: "smooth" });
}

/** Do `work`, and show what goes wrong unless something newer was asked for meanwhile. */
async function reporting(number, work, retry) {
  try {
    await work();
    if (number === latest) $("problem").hidden = true;
  } catch (error) {
    if (number !== latest) return;
    if (error instanceof NeedsToken) {
      again = retry;
      $("ask").hidden = false;
      $("token").focus();
    }
    $("problem").textContent = error.message;
    $("problem").hidden = false;
    $("answer").hidden = true;
  }
}

function show(blob, prediction) {
  URL.revokeObjectURL($("shown").src);
  $("shown").src = URL.createObjectURL(blob);
  $("label").replaceChildren(`${prediction.label} `, make("span", percent(prediction.probability)));
  $("outlier").hidden = !prediction.outlier;
  const promise = coverage == null ? "" : ` It holds the right class for ${percent(coverage, 0)} of pictures like those of training.`;
  $("set").textContent = prediction.set.length ? `Prediction set: ${prediction.set.join(", ")}.${promise}`
    : "Its prediction set is empty: no class is likely enough.";
  $("bars").replaceChildren(...prediction.top.map(({ label, probability }) => bar(label, probability, prediction.set.includes(label))));
  $("drawn").textContent = "";
  $("none").hidden = true;
  $("answer").hidden = false;
  paint($("seen"), prediction.seen);
}

function bar(label, probability, inSet) {
  const item = make("li", "", inSet ? "in" : "");
  const filled = make("i");
  filled.style.width = percent(probability);
  const track = make("span", "", "track");
  track.append(filled);
  item.append(make("span", label), track, make("span", percent(probability), "number"));
  return item;
}

/** Rows of pixels, or three channels of them, onto a canvas. */
function paint(canvas, seen) {
  const channels = Array.isArray(seen[0][0]) ? seen : [seen, seen, seen];
  const [height, width] = [channels[0].length, channels[0][0].length];
  Object.assign(canvas, { width, height });
  canvas.classList.toggle("few", width < canvas.clientWidth); // enlarged: as squares, not blurred
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const [y, x] = [Math.floor(pixel / width), pixel % width];
    image.data.set([...channels.map((rows) => rows[y][x]), 255], 4 * pixel);
  }
  context.putImageData(image, 0, 0);
}

function make(tag, text = "", className = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

/** The first picture of a drop or a paste. */
function take(transfer) {
  const file = [...(transfer?.files ?? [])].find((candidate) => candidate.type.startsWith("image/"));
  if (file) look(file);
  return Boolean(file);
}

async function describeModel() {
  await reporting(latest, async () => {
    const model = await ask("v1/model");
    coverage = model.coverage;
    $("preparation").textContent = model.preparation.photos;
    offerSamples(model);
    $("model").textContent = `Model: ${model.name}, ${model.parameters.toLocaleString("en")} parameters` +
      (model.accuracy == null ? "" : `, ${percent(model.accuracy)} right on test pictures`);
  }, describeModel);
}

/** Where the model knows the samples' classes and takes pictures in their form. */
function offerSamples({ classes, preparation }) {
  const labels = new Set(SAMPLES.map(([label]) => label));
  const fits = preparation.way === "fashion-mnist" && classes.length === labels.size && classes.every((label) => labels.has(label));
  $("tried").hidden = !fits;
  $("samples").replaceChildren(...(fits ? SAMPLES : []).map(([, file]) => {
    const button = make("button");
    button.type = "button";
    const image = make("img");
    Object.assign(image, { src: `static/samples/${file}`, alt: `Sample: ${file.split(".")[0].replace("-", " ")}` });
    button.append(image);
    button.addEventListener("click", async () => look(await (await fetch(image.src)).blob()));
    return button;
  }));
}

function start() {
  for (const input of [$("file"), $("camera")]) {
    input.addEventListener("change", () => {
      if (input.files.length) look(input.files[0]);
      input.value = ""; // the same file may be chosen again
    });
  }
  const drop = $("drop");
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer);
  });
  document.addEventListener("paste", (event) => take(event.clipboardData) && event.preventDefault());

  // On a phone the answer lies below; who is drawing must not be carried away from the canvas.
  const beside = ({ label, probability }) => { $("drawn").textContent = `${label} ${percent(probability)}`; };
  const clear = drawing($("canvas"), () => $("fill").checked, (canvas) => canvas.toBlob((blob) => look(blob, beside)));
  $("clear").addEventListener("click", () => {
    clear();
    $("drawn").textContent = "";
  });
  $("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    keepToken($("token").value.trim());
    $("token").value = "";
    $("ask").hidden = true;
    describeModel();
    if (again !== describeModel) again?.();
  });
  describeModel();
}

start();
