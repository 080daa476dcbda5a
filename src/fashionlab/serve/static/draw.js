// The drawing area: dark lines on white by finger, pen or mouse. What a line encloses is filled, as in the data.

const WIDTH = 14; // of the line, in the canvas's own pixels
const LINE = "#222";
const FILLED = [110, 110, 110];

/** Call `drawn` with the canvas after each stroke. Gives a function that clears it. */
export function drawing(canvas, wantsFill, drawn) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const clear = () => {
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
  };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height];
  };
  let last = null;
  const line = (event) => {
    const here = at(event);
    context.lineWidth = WIDTH;
    context.lineCap = context.lineJoin = "round";
    context.strokeStyle = LINE;
    context.beginPath();
    context.moveTo(...last);
    context.lineTo(...here);
    context.stroke();
    last = here;
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    last = at(event);
    line(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last && event.isPrimary) (event.getCoalescedEvents?.() ?? [event]).forEach(line);
  });
  const end = (event) => {
    if (!last || !event.isPrimary) return;
    last = null;
    if (wantsFill()) fill(context);
    drawn(canvas);
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  clear();
  return clear;
}

/** Fill the white that cannot be reached from the canvas's edge. */
function fill(context) {
  const { width, height } = context.canvas;
  const image = context.getImageData(0, 0, width, height);
  const white = (pixel) => image.data[4 * pixel] > 200;
  const outside = new Uint8Array(width * height);
  const next = [];
  const visit = (pixel) => {
    if (!outside[pixel] && white(pixel)) {
      outside[pixel] = 1;
      next.push(pixel);
    }
  };
  for (let x = 0; x < width; x++) [x, (height - 1) * width + x].forEach(visit);
  for (let y = 0; y < height; y++) [y * width, (y + 1) * width - 1].forEach(visit);
  while (next.length) {
    const pixel = next.pop();
    const x = pixel % width;
    if (x > 0) visit(pixel - 1);
    if (x < width - 1) visit(pixel + 1);
    if (pixel >= width) visit(pixel - width);
    if (pixel < (height - 1) * width) visit(pixel + width);
  }
  for (let pixel = 0; pixel < outside.length; pixel++) {
    if (!outside[pixel] && white(pixel)) image.data.set(FILLED, 4 * pixel);
  }
  context.putImageData(image, 0, 0);
}
