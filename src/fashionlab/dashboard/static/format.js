// How values are written, and how elements are made.

export const percent = (value) => (value == null ? "–" : `${(100 * value).toFixed(2)}%`);
export const decimal = (digits) => (value) => (value == null ? "–" : value.toFixed(digits));
export const whole = (value) => (value == null ? "–" : Math.round(value).toLocaleString("en"));
export const text = (value) => value || "–";

export function duration(seconds) {
  if (seconds == null) return "–";
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const total = Math.round(seconds);
  const [hours, minutes] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60)];
  return hours ? `${hours} h ${minutes} min` : `${minutes} min ${total % 60} s`;
}

export function moment(iso) {
  if (!iso) return "–";
  const at = new Date(iso);
  const two = (value) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

export function epochs(row) {
  if (!row.epochs || row.epoch === row.epochs) return String(row.epoch);
  return `${row.epoch} of ${row.epochs}`;
}

/** `make("td", {class: "x"}, child, "text")`: an element with attributes and children; null children are left out. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value != null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}
