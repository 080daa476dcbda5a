// What is said of a picture, on the page: its class, its prediction set, what the network saw, all probabilities.

export const $ = (id) => document.getElementById(id);
export const percent = (value, digits = 1) => `${(100 * value).toFixed(digits)}%`;

/** On a phone the answer lies below. */
export function bringIntoView() {
  if ($("answer").getBoundingClientRect().top > innerHeight) $("result").scrollIntoView({ behavior: "smooth" });
}

/** Show what is said of the picture in `blob`; `coverage`: how often a prediction set holds the right class, where known. */
export function show(blob, prediction, coverage) {
  URL.revokeObjectURL($("shown").src);
  $("shown").src = URL.createObjectURL(blob);
  $("label").replaceChildren(`${prediction.label} `, make("span", percent(prediction.probability)));
  $("outlier").hidden = !prediction.outlier;
  const promise = coverage == null ? "" : ` It holds the right class for ${percent(coverage, 0)} of pictures like those of training.`;
  $("set").textContent = prediction.set.length ? `Prediction set: ${prediction.set.join(", ")}.${promise}`
    : "Its prediction set is empty: no class is likely enough.";
  $("bars").replaceChildren(...prediction.top.map(({ label, probability }) => bar(label, probability, prediction.set.includes(label))));
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

export function make(tag, text = "", className = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}
