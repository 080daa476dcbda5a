// Decoded pictures: { width, height, channels, data }, data a Uint8ClampedArray with channels interleaved, row by row.

const MOST_PIXELS = 50_000_000; // as everywhere in fashionlab
const STRIP = 512; // rows: phones refuse canvases as large as their photos
const LEVELS = 128; // of 1 / 255 in a blended value, as Pillow has them

/** The picture in a file (a Blob) as RGBA, upright by its EXIF orientation, its colour profile left aside as by Pillow. */
export async function decode(blob) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Error("This browser cannot read that file as a picture.");
  }
  try {
    return read(bitmap);
  } finally {
    bitmap.close();
  }
}

function read(bitmap) {
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) throw new Error(`The picture has ${width} x ${height} pixels, more than ${MOST_PIXELS}.`);
  const data = new Uint8ClampedArray(4 * width * height);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  for (let top = 0; top < height; top += STRIP) {
    const rows = Math.min(STRIP, height - top);
    canvas.height = rows; // which also clears it
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, top, width, rows, 0, 0, width, rows);
    data.set(context.getImageData(0, 0, width, rows).data, 4 * width * top);
  }
  return { width, height, channels: 4, data };
}

/** An empty picture, all of one colour where that is given. */
export function blank(width, height, channels, colour = null) {
  const data = new Uint8ClampedArray(width * height * channels);
  if (colour) for (let at = 0; at < data.length; at++) data[at] = colour[at % channels];
  return { width, height, channels, data };
}

/** RGBA on a plain background, as RGB. Pillow's alpha_composite. */
export function onBackground(picture, colour) {
  const { width, height, data } = picture;
  const flat = blank(width, height, 3);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    const opacity = data[from + 3];
    for (let channel = 0; channel < 3; channel++) {
      const value = LEVELS * (data[from + channel] * opacity + colour[channel] * (255 - opacity) + 128);
      flat.data[to + channel] = opacity === 255 ? data[from + channel] : (((value >> 8) + value) >> 8) >> 7;
    }
  }
  return flat;
}

/** How opaque an RGBA picture is, as one channel; null where all of it is. */
export function opacityOf(picture) {
  const { width, height, data } = picture;
  const opacity = blank(width, height, 1);
  for (let at = 0; at < opacity.data.length; at++) opacity.data[at] = data[4 * at + 3];
  return opacity.data.some((value) => value < 255) ? opacity : null;
}

/** RGB as one channel of grey: ITU-R 601-2 in 16 bits, as Pillow. */
export function toGrey(picture) {
  const { width, height, data } = picture;
  const grey = blank(width, height, 1);
  for (let at = 0, from = 0; at < grey.data.length; at++, from += 3) {
    grey.data[at] = (19595 * data[from] + 38470 * data[from + 1] + 7471 * data[from + 2] + 0x8000) >> 16;
  }
  return grey;
}

/** One channel as three equal ones. */
export function toColour(picture) {
  const colour = blank(picture.width, picture.height, 3);
  for (let at = 0; at < colour.data.length; at++) colour.data[at] = picture.data[Math.floor(at / 3)];
  return colour;
}

/** Whether RGB has no colour. */
export function isGrey({ data }) {
  for (let at = 0; at < data.length; at += 3) if (data[at] !== data[at + 1] || data[at] !== data[at + 2]) return false;
  return true;
}

/** Lay `picture` onto `canvas` (of as many channels) with its corner at x, y; what lies outside is cut off. */
export function paste(canvas, picture, x, y) {
  const { channels } = canvas;
  const [left, right] = [Math.max(0, x), Math.min(canvas.width, x + picture.width)];
  for (let row = Math.max(0, y); row < Math.min(canvas.height, y + picture.height); row++) {
    const start = ((row - y) * picture.width + left - x) * channels;
    const shown = picture.data.subarray(start, start + (right - left) * channels);
    canvas.data.set(shown, (row * canvas.width + left) * channels);
  }
}
