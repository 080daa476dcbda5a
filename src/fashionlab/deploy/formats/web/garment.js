// The garment found in a photo on a plain background: fashionlab.preparation.garment, step by step.

import { evenRound, median, percentile, solve } from "./numbers.js";
import { blank, paste } from "./pixels.js";
import { resize, resizeNumbers } from "./resample.js";

const SIZE = 28; // pixels: the side of Fashion-MNIST's pictures
const BLACK = 13, ON_BLACK = 0.15, DARK = 96; // of 255; of the border's pixels; of 255
const NOISE = 4, LEAST = 8, SHARE = 0.15, PIECE = 0.15, CELL = 3;
const RING = 0.015, SAMPLES = 400, ROUNDS = 4, LEAST_SPREAD = 2;
const FRAME = 3; // pixels of black around what is sharpened
const GREY = [0.299, 0.587, 0.114];
// Pillow's blur of radius 1: three passes in each direction, a pixel's own weight and each neighbour's, of 2^24.
const PASSES = 3, OWN = 11184810, NEIGHBOUR = 2796203;

/** Whether a grey picture is in Fashion-MNIST's form already: of that size or 28 x 28, and on black. */
export function inForm(pixels, size) {
  const { width, height } = pixels;
  if (width !== height || (width !== size && width !== SIZE)) return false;
  const edges = border(width, height, 1).map((at) => pixels.data[3 * at]);
  return edges.filter((value) => value < BLACK).length > ON_BLACK * edges.length;
}

/** The garment of `photo` ({ pixels, opacity }) light on black as size x size, one channel. */
export function toForm(photo, size) {
  const { width, height } = photo.pixels;
  const back = surface(photo.pixels);
  const { mask, opacity } = find(photo, back);
  if (!mask.includes(1)) return blank(size, size, 1);
  const value = lightOnBlack(photo.pixels, back, mask).map((one, at) => one * opacity[at]);
  return fitIntoFrame(value, width, boxOf(mask, width, height), size);
}

/** The square around the garment of `photo` as RGB, size x size; outside the photo the background goes on. */
export function cutOut(photo, size) {
  const { width, height } = photo.pixels;
  const back = surface(photo.pixels);
  const { mask } = find(photo, back);
  const [left, top, right, bottom] = mask.includes(1) ? boxOf(mask, width, height) : [0, 0, width, height];
  const edge = Math.max(right - left, bottom - top);
  const ring = border(width, height);
  const colour = back.map((plane) => evenRound(median(ring.map((at) => plane[at]))));
  const square = blank(edge, edge, 3, colour);
  paste(square, photo.pixels, -Math.floor((left + right - edge) / 2), -Math.floor((top + bottom - edge) / 2));
  return resize(square, size, size);
}

/** Positions of the outermost pixels: above, below, left, right, `ring` of them on each side. */
function border(width, height, ring = Math.max(2, evenRound(RING * Math.max(width, height)))) {
  const positions = [];
  const rectangle = (left, top, right, bottom) => {
    for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) positions.push(y * width + x);
  };
  rectangle(0, 0, width, Math.min(ring, height));
  rectangle(0, Math.max(0, height - ring), width, height);
  rectangle(0, ring, Math.min(ring, width), height - ring);
  rectangle(Math.max(0, width - ring), ring, width, height - ring);
  return positions;
}

/** The background behind `pixels`, three planes: a polynomial of the second degree fitted to the border. */
function surface({ width, height, data }) {
  const along = (at, edge) => (edge === 1 ? -1 : -1 + (2 * at) / (edge - 1));
  const terms = (at) => {
    const [x, y] = [along(at % width, width), along(Math.floor(at / width), height)];
    return [1, x, y, x * x, x * y, y * y];
  };
  const ring = border(width, height);
  const step = Math.max(1, Math.floor(ring.length / SAMPLES));
  const samples = ring.filter((_, number) => number % step === 0);
  const fitted = fit(samples.map(terms), samples.map((at) => [data[3 * at], data[3 * at + 1], data[3 * at + 2]]));
  return fitted.map((c) => Float32Array.from({ length: width * height }, (_, at) =>
    Math.min(255, Math.max(0, terms(at).reduce((sum, term, which) => sum + c[which] * term, 0)))));
}

/** Coefficients [channels][6] by iteratively reweighted least squares (Tukey's biweight), a slight ridge on all but one. */
function fit(terms, values) {
  const channels = [0, 1, 2];
  let coefficients = channels.map((channel) => [median(values.map((one) => one[channel])), 0, 0, 0, 0, 0]);
  for (let round = 0; round < ROUNDS; round++) {
    const distances = terms.map((row, at) => Math.max(...channels.map((channel) => Math.abs(
      values[at][channel] - row.reduce((sum, term, which) => sum + term * coefficients[channel][which], 0)))));
    const cut = 6 * Math.max(median(distances), LEAST_SPREAD);
    const normal = Array.from({ length: 6 }, (_, row) => Array.from({ length: 9 }, (_, column) =>
      (row === column && row > 0 ? 1e-3 * terms.length : 0)));
    terms.forEach((term, at) => {
      const weight = (1 - Math.min(1, distances[at] / cut) ** 2) ** 2;
      for (let row = 0; row < 6; row++) {
        for (let column = 0; column < 6; column++) normal[row][column] += weight * term[row] * term[column];
        for (const channel of channels) normal[row][6 + channel] += weight * term[row] * values[at][channel];
      }
    });
    const solved = solve(normal);
    coefficients = channels.map((channel) => solved.map((row) => row[channel]));
  }
  return coefficients;
}

/** Where the garment is (0 or 1), and how much it hides of the background (0 to 1). */
function find({ pixels, opacity }, back) {
  const { width, height, data } = pixels;
  const apart = (at, channel) => Math.abs(data[3 * at + channel] - back[channel][at]);
  const difference = Float32Array.from({ length: width * height }, (_, at) =>
    (opacity ? opacity.data[at] : Math.max(apart(at, 0), apart(at, 1), apart(at, 2))));
  const noise = opacity ? 0 : median(border(width, height).map((at) => difference[at]));
  const sampled = difference.filter((_, at) => sparse(at, width));
  const least = Math.max(LEAST, NOISE * noise, SHARE * percentile(sampled, 98));
  const mask = Uint8Array.from(difference, (value) => (value > least ? 1 : 0));
  const main = mainParts(mask, width, height);
  return { mask: mask.map((value, at) => value & main[at]),
    opacity: difference.map((value, at) => main[at] * Math.min(1, Math.max(0, (value * 2) / least - 1))) };
}

const sparse = (at, width) => (at % width) % 2 === 0 && Math.floor(at / width) % 2 === 0;

/** 0 or 1: not where parts of the mask are that are small beside the largest. */
function mainParts(mask, width, height) {
  const [across, down] = [Math.ceil(width / CELL), Math.ceil(height / CELL)];
  const cellOf = (at) => Math.floor(Math.floor(at / width) / CELL) * across + Math.floor((at % width) / CELL);
  const counts = new Int32Array(across * down);
  mask.forEach((value, at) => { counts[cellOf(at)] += value; });
  const { labels, areas } = parts(counts, across, down);
  const enough = PIECE * Math.max(...areas);
  const near = new Uint8Array(across * down);
  labels.forEach((label, cell) => {
    if (label && areas[label] >= enough) for (const one of [cell, ...around(cell, across, down)]) near[one] = 1;
  });
  return Uint8Array.from(mask, (_, at) => near[cellOf(at)]);
}

/** The 8-connected parts of cells that count: a label from 1 for each cell (0 for none), and what each label counts. */
function parts(counts, across, down) {
  const labels = new Int32Array(counts.length);
  const areas = [0];
  counts.forEach((count, start) => {
    if (!count || labels[start]) return;
    labels[start] = areas.length;
    let area = 0;
    for (const open = [start]; open.length;) {
      const cell = open.pop();
      area += counts[cell];
      for (const next of around(cell, across, down)) {
        if (counts[next] && !labels[next]) {
          labels[next] = areas.length;
          open.push(next);
        }
      }
    }
    areas.push(area);
  });
  return { labels, areas };
}

function around(cell, across, down) {
  const [x, y] = [cell % across, Math.floor(cell / across)];
  return [[-1, -1], [0, -1], [1, -1], [-1, 0], [1, 0], [-1, 1], [0, 1], [1, 1]]
    .filter(([dx, dy]) => x + dx >= 0 && x + dx < across && y + dy >= 0 && y + dy < down)
    .map(([dx, dy]) => (y + dy) * across + x + dx);
}

/** Left, top, right and bottom of where the mask is. */
function boxOf(mask, width, height) {
  let [left, top, right, bottom] = [width, height, 0, 0];
  mask.forEach((value, at) => {
    if (!value) return;
    const [x, y] = [at % width, Math.floor(at / width)];
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + 1), Math.max(bottom, y + 1)];
  });
  return [left, top, right, bottom];
}

/** Grey, 0 to 255: from white if the background is light, from black if it is dark. */
function lightOnBlack({ width, height, data }, back, mask) {
  const grey = Float32Array.from({ length: width * height }, (_, at) =>
    GREY[0] * data[3 * at] + GREY[1] * data[3 * at + 1] + GREY[2] * data[3 * at + 2]);
  const few = grey.filter((_, at) => mask[at] && sparse(at, width));
  const inside = few.length ? few : grey.filter((_, at) => mask[at]);
  const brightest = (at) => Math.max(back[0][at], back[1][at], back[2][at]);
  const clipped = (value) => Math.min(255, Math.max(0, value));
  if (median(border(width, height).map(brightest)) >= DARK) {
    const light = percentile(inside, 99);
    return grey.map((value, at) => {
      const white = Math.max(brightest(at), light);
      return clipped((255 * (white - value)) / white);
    });
  }
  const dark = percentile(inside, 1);
  return grey.map((value, at) => {
    const black = Math.min(back[0][at], back[1][at], back[2][at], dark);
    return clipped((255 * (value - black)) / (255 - black));
  });
}

/** What is in the box scaled into size x size, centred, its brightest pixel 255, then sharpened. */
function fitIntoFrame(value, across, box, size) {
  const [left, top, right, bottom] = box;
  const scale = size / Math.max(right - left, bottom - top);
  const [width, height] = [right - left, bottom - top].map((edge) => Math.max(1, evenRound(edge * scale)));
  const small = resizeNumbers(value, across, box, width, height);
  const brightest = small.reduce((most, one) => Math.max(most, one), 1);
  const bright = blank(width, height, 1);
  bright.data.set(small.map((one) => evenRound((one * 255) / brightest)));
  const framed = blank(size + 2 * FRAME, size + 2 * FRAME, 1);
  paste(framed, bright, FRAME + ((size - width + 1) >> 1), FRAME + ((size - height + 1) >> 1));
  const form = blank(size, size, 1);
  paste(form, sharpened(framed), -FRAME, -FRAME);
  return form;
}

/** Half of what a blur takes away is added: Pillow's UnsharpMask(radius=1, percent=50, threshold=0). */
function sharpened(picture) {
  const { width, height, data } = picture;
  const blurred = Float64Array.from(data);
  for (const [step, at, length] of [[1, (at) => at % width, width], [width, (at) => Math.floor(at / width), height]]) {
    for (let pass = 0; pass < PASSES; pass++) {
      const before = blurred.slice();
      before.forEach((value, place) => {
        const previous = before[at(place) > 0 ? place - step : place];
        const next = before[at(place) < length - 1 ? place + step : place];
        blurred[place] = Math.floor((value * OWN + (previous + next) * NEIGHBOUR + 2 ** 23) / 2 ** 24);
      });
    }
  }
  const sharp = blank(width, height, 1);
  data.forEach((value, place) => { sharp.data[place] = value + Math.trunc((value - blurred[place]) / 2); });
  return sharp;
}
