"use strict";
// Light or dark: as the system says until the person says otherwise. Storage is refused to some files on disk.
(() => {
  const button = document.getElementById("theme"), root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const remembered = (() => { try { return localStorage.getItem("fashionlab-theme"); } catch { return null; } })();
  if (remembered === "light" || remembered === "dark") root.dataset.theme = remembered;
  const current = () => root.dataset.theme || (system.matches ? "dark" : "light");
  const other = () => (current() === "dark" ? "light" : "dark");
  const label = () => { button.textContent = other() === "dark" ? "Dark theme" : "Light theme"; };
  button.addEventListener("click", () => {
    root.dataset.theme = other();
    try { localStorage.setItem("fashionlab-theme", root.dataset.theme); } catch { /* not kept, then */ }
    label();
  });
  system.addEventListener("change", label);
  label();
  button.hidden = false;
})();

// Tables that sort: each heading becomes a button; numbers by value, texts by language.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  const key = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const was = heading.getAttribute("aria-sort");
      const first = heading.classList.contains("number") ? "descending" : "ascending";
      const order = !was ? first : was === "ascending" ? "descending" : "ascending";
      for (const each of headings) each.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const value = (text) => (text === "" ? NaN : Number(text.replaceAll(",", "").replace("%", "")));
      body.append(...[...body.rows].sort((one, two) => {
        const a = key(one, column), b = key(two, column), x = value(a), y = value(b);
        if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;  // what has no number stands last
        return sign * (Number.isNaN(x) ? a.localeCompare(b) : x - y);
      }));
    });
  });
}

// Figures that enlarge.
{
  const dialog = document.getElementById("enlarged");
  for (const button of document.querySelectorAll("button.enlarge")) {
    button.addEventListener("click", () => {
      dialog.querySelector(".scroll").replaceChildren(button.querySelector("img").cloneNode());
      dialog.showModal();
    });
  }
}

// Galleries that filter. Pictures are cut out of one sheet; a page of them is shown at a time.
for (const gallery of document.querySelectorAll(".gallery")) {
  const { sheet, size, across, items } = JSON.parse(gallery.querySelector("script").textContent);
  const list = gallery.querySelector(".pictures"), more = gallery.querySelector(".more");
  const form = gallery.querySelector(".filters"), count = gallery.querySelector(".count");
  const page = innerWidth < 640 ? 18 : 48, shown = 84, rule = document.createElement("style");
  rule.textContent = `#${gallery.id} .picture { background-image: url(${sheet}); background-size: ${across * shown}px auto; }`;
  document.head.append(rule);
  let chosen = [], length = page;
  const text = (tag, className, content) => {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = content;
    element.title = content;  // whole, where the line is cut
    return element;
  };
  const card = (item) => {
    const entry = document.createElement("li"), picture = text("div", "picture", "");
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", item.alt);
    picture.style.backgroundPosition = `${-(item.at % across) * shown}px ${-Math.floor(item.at / across) * shown}px`;
    entry.append(picture, ...item.lines.map((line) => text("div", "line", line)));
    return entry;
  };
  const draw = () => {
    list.replaceChildren(...chosen.slice(0, length).map(card));
    more.hidden = chosen.length <= length;
    const visible = Math.min(length, chosen.length);
    count.textContent = `${chosen.length.toLocaleString("en")} of ${items.length.toLocaleString("en")} ${gallery.dataset.unit}`
      + (visible < chosen.length ? `, the first ${visible} shown` : "");
  };
  const filter = () => {
    const wanted = [...new FormData(form)].filter(([, value]) => value !== "");
    chosen = items.filter((item) => wanted.every(([name, value]) => item[name] === value));
    length = page;
    draw();
  };
  form.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => { length += page; draw(); });
  filter();
}
