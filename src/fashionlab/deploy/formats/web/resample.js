// Pillow's ways of making pictures smaller and larger, to the bit: a browser's own differ, and so would the answers.
// (Pillow's Resample.c and Reduce.c. Weights have 22 bits, rows and columns are rounded to bytes one after the other.)

import { blank } from "./pixels.js";

const PRECISION = 22;
const HALF = 2 ** (PRECISION - 1);
const REDUCING_GAP = 3; // times the size that is wanted: larger pictures are first averaged down

const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const LANCZOS = { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) };
const BOX = { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) };

/** For each of `size` places between `start` and `end` of `length`: where its weights begin, and they. */
function weights(length, start, end, size, filter) {
  const scale = Math.fround(end - start) / size;
  const stretch = Math.max(1, scale);
  const support = filter.support * stretch;
  return Array.from({ length: size }, (_, place) => {
    const centre = start + (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const last = Math.min(length, Math.trunc(centre + support + 0.5));
    const own = Array.from({ length: last - first }, (_, at) => filter.weight((at + first - centre + 0.5) / stretch));
    const sum = own.reduce((total, one) => total + one, 0);
    return { first, own: sum === 0 ? own : own.map((one) => one / sum) };
  });
}

const fixed = ({ first, own }) =>
  ({ first, own: own.map((one) => Math.trunc(one * 2 ** PRECISION + (one < 0 ? -0.5 : 0.5))) });

/** `picture` within `box` (left, top, right, bottom; may cut through pixels) as width x height. */
function resample(picture, width, height, box) {
  const [left, top, right, bottom] = box.map(Math.fround); // as Pillow hands it on
  const across = (one) =>
    (width === one.width && left === 0 && right === width ? one : resampleAcross(one, width, left, right));
  const down = (one) =>
    (height === one.height && top === 0 && bottom === height ? one : resampleDown(one, height, top, bottom));
  // Rounding between the two makes their order matter. Older Pillows always begin across.
  const saved = picture.height - height;
  return saved > 0 && saved > 2 * (picture.width - width) ? across(down(picture)) : down(across(picture));
}

function resampleAcross(picture, width, left, right) {
  const { channels, data } = picture;
  const next = blank(width, picture.height, channels);
  weights(picture.width, left, right, width, LANCZOS).map(fixed).forEach(({ first, own }, x) => {
    for (let y = 0; y < picture.height; y++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = HALF;
        const start = (y * picture.width + first) * channels + channel;
        for (let at = 0; at < own.length; at++) sum += own[at] * data[start + at * channels];
        next.data[(y * width + x) * channels + channel] = sum >> PRECISION; // outside of a byte: cut off by the array
      }
    }
  });
  return next;
}

function resampleDown(picture, height, top, bottom) {
  const { channels, data } = picture;
  const row = picture.width * channels;
  const next = blank(picture.width, height, channels);
  weights(picture.height, top, bottom, height, LANCZOS).map(fixed).forEach(({ first, own }, y) => {
    for (let place = 0; place < row; place++) {
      let sum = HALF;
      for (let at = 0; at < own.length; at++) sum += own[at] * data[(first + at) * row + place];
      next.data[y * row + place] = sum >> PRECISION;
    }
  });
  return next;
}

/** `picture` averaged over blocks of across x down pixels; those at the right and bottom may be smaller. */
export function reduce(picture, across, down = across) {
  if (across === 1 && down === 1) return picture;
  const { channels, data } = picture;
  const [width, height] = [Math.ceil(picture.width / across), Math.ceil(picture.height / down)];
  const reduced = blank(width, height, channels);
  for (let y = 0; y < height; y++) {
    const rows = Math.min(down, picture.height - y * down);
    for (let x = 0; x < width; x++) {
      const columns = Math.min(across, picture.width - x * across);
      const number = rows * columns;
      const factor = Math.floor(2 ** 24 / number);
      for (let channel = 0; channel < channels; channel++) {
        let sum = number >> 1;
        for (let row = 0; row < rows; row++) {
          const start = ((y * down + row) * picture.width + x * across) * channels + channel;
          for (let column = 0; column < columns; column++) sum += data[start + column * channels];
        }
        reduced.data[(y * width + x) * channels + channel] = Math.floor((sum * factor) / 2 ** 24);
      }
    }
  }
  return reduced;
}

/** `picture` as width x height by Lanczos; `box`: of a part of it. */
export function resize(picture, width, height, box = [0, 0, picture.width, picture.height]) {
  return resample(picture, width, height, box);
}

/** As `resize` of the whole, after averaging where it is far larger: Pillow's reducing_gap. */
export function resizeInSteps(picture, width, height) {
  const across = Math.max(1, Math.trunc(picture.width / width / REDUCING_GAP));
  const down = Math.max(1, Math.trunc(picture.height / height / REDUCING_GAP));
  return resample(reduce(picture, across, down), width, height, [0, 0, picture.width / across, picture.height / down]);
}

/** Numbers (row by row, `across` in each) within a box of whole pixels as width x height means, in floating point. */
export function resizeNumbers(values, across, [left, top, right, bottom], width, height) {
  const columns = weights(across, left, right, width, BOX);
  const rows = weights(values.length / across, top, bottom, height, BOX);
  const small = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      rows[y].own.forEach((down, row) => columns[x].own.forEach((weight, column) => {
        sum += down * weight * values[(rows[y].first + row) * across + columns[x].first + column];
      }));
      small[y * width + x] = sum;
    }
  }
  return small;
}
