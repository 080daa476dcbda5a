// From a picture file to what the network sees: the ways of fashionlab.preparation, one function each.

import { cutOut, inForm, toForm } from "./garment.js";
import { evenRound } from "./numbers.js";
import { blank, decode, isGrey, onBackground, opacityOf, paste, toColour, toGrey } from "./pixels.js";
import { reduce, resize, resizeInSteps } from "./resample.js";

const WHITE = [255, 255, 255];
const LONGEST_EDGE = 160; // pixels: from this edge on, photos in which the garment is looked for are made smaller
const JPEG = [0xff, 0xd8];

/** The picture in `blob` as uint8 [channels, size, size], flat; `preparation`: { way, size, channels, background }. */
export async function prepare(blob, preparation) {
  const start = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  const picture = await decode(blob);
  return planes(WAYS[preparation.way](picture, preparation, JPEG.every((byte, at) => start[at] === byte)));
}

const WAYS = {
  letterbox: (picture, preparation) => letterbox(flat(picture, preparation), preparation.size, preparation.background),
  crop: (picture, preparation) => crop(flat(picture, preparation), preparation.size),
  squash: (picture, preparation) => squash(flat(picture, preparation), preparation.size),
  "fashion-mnist": fashionMnist,
  garment,
};

function flat(picture, { background, channels }) {
  const opaque = onBackground(picture, background);
  return channels === 1 ? toGrey(opaque) : opaque;
}

function letterbox(picture, size, background) {
  if (picture.width === size && picture.height === size) return picture;
  const scale = Math.min(size / picture.width, size / picture.height);
  const scaledEdge = (edge) => Math.min(size, Math.max(1, evenRound(edge * scale)));
  const [width, height] = [scaledEdge(picture.width), scaledEdge(picture.height)];
  const scaled = resizeInSteps(picture, width, height);
  if (width === size && height === size) return scaled;
  const ground = blank(1, 1, 3, background);
  const canvas = blank(size, size, picture.channels, (picture.channels === 1 ? toGrey(ground) : ground).data);
  paste(canvas, scaled, (size - width) >> 1, (size - height) >> 1);
  return canvas;
}

function crop(picture, size) {
  const { width, height } = picture;
  const edge = Math.min(width, height);
  const [left, top] = [(width - edge) / 2, (height - edge) / 2];
  if (width === size && height === size) return picture;
  return resize(picture, size, size, [left, top, left + edge, top + edge]);
}

function squash(picture, size) {
  return picture.width === size && picture.height === size ? picture : resizeInSteps(picture, size, size);
}

/** The garment light on black; a picture that is in that form is only brought to the size. */
function fashionMnist(picture, { size, channels }, isJpeg) {
  const photo = asPhoto(picture, isJpeg);
  const ready = photo.grey && inForm(photo.pixels, size);
  const form = ready ? letterbox(toGrey(photo.pixels), size, [0, 0, 0]) : toForm(photo, size);
  return channels === 1 ? form : toColour(form);
}

/** The square around the garment, its colours kept. */
function garment(picture, { size, channels }, isJpeg) {
  const photo = asPhoto(picture, isJpeg);
  const { pixels } = photo;
  const ready = photo.grey && pixels.width === size && pixels.height === size && inForm(pixels, size);
  const square = ready ? pixels : cutOut(photo, size);
  return channels === 1 ? toGrey(square) : square;
}

/** { pixels: RGB, opacity: one channel or null, grey }, reduced to a longest edge below twice LONGEST_EDGE. */
function asPhoto(picture, isJpeg) {
  const opacity = opacityOf(picture);
  const opaque = onBackground(picture, WHITE);
  // Python has JPEGs decoded at a half, a fourth or an eighth of their size where the shorter edge allows it: libjpeg
  // gives means of pixels then, but for colours that are stored coarser than brightness.
  const room = Math.floor(Math.min(picture.width, picture.height) / LONGEST_EDGE);
  const first = isJpeg ? [8, 4, 2, 1].find((factor) => room >= factor || factor === 1) : 1;
  const smaller = (one) => {
    const drafted = reduce(one, first);
    return reduce(drafted, Math.max(1, Math.floor(Math.max(drafted.width, drafted.height) / LONGEST_EDGE)));
  };
  const pixels = smaller(opaque);
  return { pixels, opacity: opacity && smaller(opacity), grey: isGrey(opaque) };
}

/** Channels one after the other, as networks take them. */
function planes({ width, height, channels, data }) {
  const pixels = new Uint8Array(data.length);
  const size = width * height;
  for (let at = 0; at < data.length; at++) pixels[(at % channels) * size + Math.floor(at / channels)] = data[at];
  return pixels;
}
