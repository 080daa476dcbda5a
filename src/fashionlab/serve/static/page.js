// The page at /: a picture from anywhere to the service, and what the service says of it.

import { ask, keepToken, NeedsToken } from "./ask.js";
import { drawing } from "./draw.js";
import { takePictures } from "./give.js";
import { $, bringIntoView, make, percent, show } from "./show.js";

// Pictures of Fashion-MNIST, one of each of its classes, and photos of three.
const SAMPLES = [["T-shirt/top", "t-shirt.png"], ["Trouser", "trouser.png"], ["Pullover", "pullover.png"], ["Dress", "dress.png"],
  ["Coat", "coat.png"], ["Sandal", "sandal.png"], ["Shirt", "shirt.png"], ["Sneaker", "sneaker.png"], ["Bag", "bag.png"],
  ["Ankle boot", "ankle-boot.png"], ["Dress", "photo-dress.jpg"], ["Bag", "photo-bag.jpg"], ["Ankle boot", "photo-boot.jpg"]];

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
    show(blob, answer.predictions[0], coverage);
    $("drawn").textContent = "";
    done(answer.predictions[0]);
  }, () => look(blob, done));
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
  takePictures(look);
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
