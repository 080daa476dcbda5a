// The network in ONNX Runtime Web, and how its logits become an answer: fashionlab.deploy.rules.

import * as ort from "./onnxruntime.js";
import { prepare } from "./ways.js";

const SCORES = { "max-softmax": logTotal, energy: (logits) => -logTotal(logits) - Math.max(...logits), mahalanobis };

/** What answers pictures; `progress` is told what is being loaded. Throws an Error that says what is missing. */
export async function open(progress = () => {}) {
  const about = JSON.parse(new TextDecoder().decode(await load("model.json")));
  progress("the runtime");
  ort.env.wasm.numThreads = 1; // more need headers that simple servers do not send
  ort.env.wasm.wasmBinary = await unpacked(await load("onnxruntime.wasm.gz"));
  progress("the network");
  const graph = new Uint8Array(await load("model.onnx"));
  const session = await ort.InferenceSession.create(graph, { executionProviders: ["wasm"] });
  const learned = about.score === "mahalanobis" ? new Float32Array(await load("outliers.bin")) : null;
  return new Model(about, session, learned);
}

class Model {
  constructor(about, session, learned) {
    Object.assign(this, { about, session, learned });
  }

  /** The answer to the picture in a file (a Blob), as the service gives it; `milliseconds` for each of the two steps. */
  async answer(blob) {
    const started = performance.now();
    const pixels = await prepare(blob, this.about.preparation);
    const prepared = performance.now();
    const answer = await this.ask(pixels);
    return { ...answer, milliseconds: { prepare: prepared - started, answer: performance.now() - prepared } };
  }

  /** The answer to prepared pixels, uint8 [channels, size, size], flat. */
  async ask(pixels) {
    const { classes, temperature, limit, score, threshold, preparation } = this.about;
    const { size, channels } = preparation;
    const { logits, features } = await this.session.run(
      { pictures: new ort.Tensor("uint8", pixels, [1, channels, size, size]) });
    const probabilities = softmax(Array.from(logits.data, (value) => value / temperature));
    const top = classes.map((label, at) => ({ label, probability: probabilities[at] }))
      .sort((one, other) => other.probability - one.probability);
    const outlierScore = SCORES[score]([...logits.data], features.data, this.learned);
    return { ...top[0], top, set: classes.filter((_, at) => 1 - probabilities[at] <= limit),
      outlier: outlierScore > threshold, outlier_score: outlierScore, seen: rows(pixels, channels, size) };
  }
}

function softmax(logits) {
  const most = Math.max(...logits);
  const shares = logits.map((value) => Math.exp(value - most));
  const sum = shares.reduce((total, one) => total + one, 0);
  return shares.map((one) => one / sum);
}

/** log sum exp of the logits less the highest. */
function logTotal(logits) {
  const most = Math.max(...logits);
  return Math.log(logits.reduce((total, value) => total + Math.exp(value - most), 0));
}

/** The squared distance to the nearest class mean; learned: root [D, D], then centres [K, D]. */
function mahalanobis(logits, features, learned) {
  const depth = features.length;
  const seen = new Float32Array(depth);
  features.forEach((value, row) => {
    if (value) for (let column = 0; column < depth; column++) seen[column] += value * learned[row * depth + column];
  });
  let nearest = Infinity;
  for (let start = depth * depth; start < learned.length; start += depth) {
    nearest = Math.min(nearest, seen.reduce((sum, value, at) => sum + (value - learned[start + at]) ** 2, 0));
  }
  return nearest;
}

/** Pixels as rows of one channel, or three channels of them. */
function rows(pixels, channels, size) {
  const planes = Array.from({ length: channels }, (_, channel) => Array.from({ length: size }, (_, y) => {
    const start = (channel * size + y) * size;
    return [...pixels.subarray(start, start + size)];
  }));
  return channels === 1 ? planes[0] : planes;
}

async function load(name) {
  let answer;
  try {
    answer = await fetch(name);
  } catch {
    throw new Error(`${name} cannot be loaded: is the server still running?`);
  }
  if (!answer.ok) throw new Error(`${name} is not there: the server answers ${answer.status}.`);
  return answer.arrayBuffer();
}

/** What gzip has packed; as it is where the server has unpacked it already. */
async function unpacked(buffer) {
  const [first, second] = new Uint8Array(buffer);
  if (first !== 0x1f || second !== 0x8b) return buffer;
  return new Response(new Blob([buffer]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
