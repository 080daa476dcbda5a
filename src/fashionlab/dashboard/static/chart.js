// Line charts as SVG, drawn at the size they are shown at, so that type is never scaled.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 240;
const MARGIN = { top: 10, right: 14, bottom: 38, left: 52 };
export const COLOURS = 8;

function draw(parent, tag, attributes, content) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (content != null) element.textContent = content;
  parent.append(element);
  return element;
}

/** Round values that span [low, high], about `count` of them. */
export function ticks(low, high, count, smallest = 0) {
  const raw = Math.max((high - low) / count, smallest, 1e-9);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999) * power;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** A run's sign: colour and shape together, so that neither is needed alone. */
export function marker(parent, index, x, y, size = 4) {
  const shapes = [
    `M${x - size} ${y}a${size} ${size} 0 1 0 ${2 * size} 0a${size} ${size} 0 1 0 ${-2 * size} 0`,
    `M${x - size} ${y - size}h${2 * size}v${2 * size}h${-2 * size}z`,
    `M${x} ${y - size * 1.2}l${size * 1.2} ${size * 2.2}h${-size * 2.4}z`,
    `M${x} ${y - size * 1.3}l${size * 1.3} ${size * 1.3}l${-size * 1.3} ${size * 1.3}l${-size * 1.3} ${-size * 1.3}z`,
  ];
  return draw(parent, "path", { d: shapes[index % shapes.length], class: `dot c${index % COLOURS}` });
}

/** The swatch of a legend. */
export function swatch(index) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of [["width", 34], ["height", 14], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
  draw(svg, "path", { d: "M1 7H33", class: `line c${index % COLOURS}` });
  marker(svg, index, 17, 7);
  return svg;
}

function describe(title, series, format) {
  const told = series.filter((one) => one.points.length).map((one) => {
    const [first, last] = [one.points[0], one.points[one.points.length - 1]];
    return `${one.name}: ${format(first[1])} in epoch ${first[0]}, ${format(last[1])} in epoch ${last[0]}`;
  });
  return `${title} by epoch. ${told.join("; ") || "No values yet"}.`;
}

/**
 * A figure with `title`, redrawn when its width changes. `update(series)` draws
 * series: [{name, index, dashed, points: [[epoch, value], ...]}].
 */
export function chart(title, format) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = title;
  const box = document.createElement("div");
  box.className = "chart";
  const readout = document.createElement("p");
  readout.className = "readout";
  figure.append(caption, box, readout);
  let shown = [];
  let width = 0;
  const redraw = () => {
    readout.textContent = "";
    box.replaceChildren();
    if (width) plot(box, width, title, shown, format, readout);
  };
  new ResizeObserver(() => {
    if (box.clientWidth === width) return;
    width = box.clientWidth;
    redraw();
  }).observe(box);
  return {
    figure,
    update(series) {
      if (JSON.stringify(series) === JSON.stringify(shown)) return;
      shown = series;
      redraw();
    },
  };
}

function plot(box, width, title, series, format, readout) {
  const svg = draw(box, "svg", { width, height: HEIGHT, role: "img", "aria-label": describe(title, series, format) });
  const points = series.flatMap((one) => one.points);
  if (!points.length) {
    draw(svg, "text", { x: width / 2, y: HEIGHT / 2, class: "quiet", "text-anchor": "middle" }, "No values yet");
    return;
  }
  const values = points.map((point) => point[1]);
  const last = Math.max(...points.map((point) => point[0]));
  const first = Math.min(1, ...points.map((point) => point[0]));
  const yTicks = ticks(Math.min(...values), Math.max(...values), 5);
  if (yTicks.length === 1) yTicks.push(yTicks[0] + Math.max(Math.abs(yTicks[0]) * 0.1, 0.01));
  const [low, high] = [yTicks[0], yTicks[yTicks.length - 1]];
  const [inner, tall] = [width - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom];
  const x = (epoch) => MARGIN.left + (last === first ? inner / 2 : (inner * (epoch - first)) / (last - first));
  const y = (value) => MARGIN.top + tall * (1 - (value - low) / (high - low));

  for (const value of yTicks) {
    draw(svg, "path", { d: `M${MARGIN.left} ${y(value)}h${inner}`, class: "grid" });
    const label = { x: MARGIN.left - 8, y: y(value), class: "tick", "text-anchor": "end", "dominant-baseline": "central" };
    draw(svg, "text", label, format.tick(value, yTicks[1] - yTicks[0]));
  }
  const epochTicks = ticks(first, last, Math.max(2, Math.floor(inner / 70)), 1);
  for (const epoch of epochTicks.filter((value) => value >= first && value <= last)) {
    draw(svg, "path", { d: `M${x(epoch)} ${MARGIN.top + tall}v5`, class: "axis" });
    draw(svg, "text", { x: x(epoch), y: MARGIN.top + tall + 18, class: "tick", "text-anchor": "middle" }, epoch);
  }
  draw(svg, "path", { d: `M${MARGIN.left} ${MARGIN.top + tall}h${inner}`, class: "axis" });
  draw(svg, "text", { x: MARGIN.left + inner / 2, y: HEIGHT - 4, class: "tick", "text-anchor": "middle" }, "epoch");

  for (const one of series) {
    const path = one.points.map(([epoch, value], i) => `${i ? "L" : "M"}${x(epoch)} ${y(value)}`).join("");
    draw(svg, "path", { d: path, class: `line c${one.index % COLOURS}${one.dashed ? " dashed" : ""}` });
    // Many epochs would make a caterpillar of their marks: then every so many, and the last.
    const every = Math.max(1, Math.ceil(one.points.length / (inner / 24)));
    one.points.forEach(([epoch, value], i) => {
      const marked = (one.points.length - 1 - i) % every === 0;
      if (marked && (!one.dashed || one.points.length === 1)) marker(svg, one.index, x(epoch), y(value), 3);
    });
  }
  follow(svg, series, format, readout, { x, first, last, inner, tall });
}

/** Under the pointer: the epoch's values in words below the chart. */
function follow(svg, series, format, readout, { x, first, last, inner, tall }) {
  const rule = draw(svg, "path", { d: `M0 ${MARGIN.top}v${tall}`, class: "rule", visibility: "hidden" });
  svg.addEventListener("pointermove", (event) => {
    const share = (event.clientX - svg.getBoundingClientRect().left - MARGIN.left) / inner;
    const epoch = Math.round(first + Math.min(1, Math.max(0, share)) * (last - first));
    const told = series.flatMap((one) => {
      const point = one.points.find(([at]) => at === epoch);
      return point ? [`${one.name} ${format(point[1])}`] : [];
    });
    rule.setAttribute("transform", `translate(${x(epoch)} 0)`);
    rule.setAttribute("visibility", "visible");
    readout.textContent = told.length ? `epoch ${epoch}: ${told.join(" · ")}` : "";
  });
  svg.addEventListener("pointerleave", () => {
    rule.setAttribute("visibility", "hidden");
    readout.textContent = "";
  });
}
