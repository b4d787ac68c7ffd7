"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const FEW = 12, PAGE = 24; // tiles below a slider, and of the gallery at once
const number = new Intl.NumberFormat("en", { minimumFractionDigits: 4, maximumFractionDigits: 4 });
const count = new Intl.NumberFormat("en");
const shown = (value) => (Math.abs(value) < 1e9 ? number.format(value) : value.toPrecision(5)).replace("-", "\u2212");
const share = (part, whole) => whole ? `${count.format(part)} of ${count.format(whole)} (${(100 * part / whole).toFixed(1)}\u00a0%)` : "\u2013";

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
function frame(picture) {
  if (!picture) return make("div", { class: "frame nothing", "aria-hidden": "true" }, "no image");
  return make("div", { class: "frame" }, make("img", { src: picture, alt: "", decoding: "async" }));
}
const tile = (picture, name, lines) =>
  make("li", { class: "tile" }, frame(picture), make("b", {}, name), ...lines.map((line) => make("span", {}, line)));
function choice(label, names, all) {
  const select = make("select", {}, make("option", { value: "" }, all),
    ...names.map(([value, name]) => make("option", { value }, name)));
  return [make("label", {}, label, select), select];
}

/* Tables: a heading sorts by its column, empty cells last. */
function compare(first, second) {
  if (first === "" || second === "") return (first === "") - (second === "");
  const numbers = [Number(first), Number(second)];
  return numbers.some(Number.isNaN) ? first.localeCompare(second, "en") : numbers[0] - numbers[1];
}
function sort(table, at) {
  const heads = [...table.tHead.rows[0].cells], usual = heads[at].classList.contains("number") ? "descending" : "ascending";
  const other = usual === "ascending" ? "descending" : "ascending";
  const order = heads[at].getAttribute("aria-sort") === usual ? other : usual;
  heads.forEach((head) => head.setAttribute("aria-sort", head === heads[at] ? order : "none"));
  const rows = [...table.tBodies[0].rows].map((row) => [row.cells[at].dataset.v, row]);
  rows.sort(([first], [second]) => first === "" || second === "" || order === "ascending"
    ? compare(first, second) : compare(second, first));
  table.tBodies[0].append(...rows.map(([, row]) => row));
}
for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((head, at) =>
    head.querySelector("button").addEventListener("click", () => sort(table, at)));
}

/* Thresholds: every distinct score is a step of the slider; below the first one everything is an alarm. */
class Cut {
  constructor(section) {
    this.cut = data.cuts[Number(section.dataset.cut)];
    const inside = new Set(this.cut.groups), { score, group } = data.rows;
    this.rows = score.map((_, row) => row).filter((row) => inside.has(group[row]));
    const distinct = new Set([this.cut.threshold, ...this.rows.map((row) => score[row])]);
    this.steps = [-Infinity, ...[...distinct].sort((first, second) => first - second)];
    this.find = (selector) => section.querySelector(selector);
    this.slider = this.find("input[type=range]");
    this.slider.max = this.steps.length - 1;
    this.chosen = "";
    const groups = this.cut.groups.map((code) => [code, data.groups[code]]);
    const [label, select] = choice(`${data.column} of the images`, groups, "all");
    if (groups.length > 1) this.find(".slider").after(make("div", { class: "filter" }, label));
    select.addEventListener("change", () => { this.chosen = select.value; this.update(); });
    this.slider.addEventListener("input", () => this.update());
    this.find(".reset").addEventListener("click", () => { this.reset(); this.slider.focus(); });
    this.reset();
  }
  reset() {
    this.slider.value = this.steps.indexOf(this.cut.threshold);
    this.update();
  }
  update() {
    const threshold = this.steps[this.slider.value], totals = new Map(this.cut.groups.map((code) => [code, [0, 0, 0, 0]]));
    const missed = [], alarms = [], { score, group, positive } = data.rows;
    for (const row of this.rows) {
      const above = score[row] > threshold, of = totals.get(group[row]);
      of[positive[row] ? 0 : 2] += above;
      of[positive[row] ? 1 : 3] += 1;
      if (above !== Boolean(positive[row]) && (this.chosen === "" || group[row] === Number(this.chosen))) {
        (above ? alarms : missed).push(row);
      }
    }
    const all = [0, 1, 2, 3].map((at) => [...totals.values()].reduce((sum, one) => sum + one[at], 0));
    const text = threshold === -Infinity ? "below all" : shown(threshold);
    this.find("output").textContent = text;
    this.slider.setAttribute("aria-valuetext", `${text}: ${share(all[0], all[1])} ${data.words[0]} found, ` +
      `${share(all[2], all[3])} false alarms`);
    this.mark(threshold, text);
    this.table(totals, all);
    missed.sort((first, second) => score[second] - score[first]);
    alarms.sort((first, second) => score[first] - score[second]);
    this.tiles("missed", missed);
    this.tiles("alarms", alarms);
  }
  mark(threshold, text) {
    const { low, high, left, right } = this.cut.axis;
    const at = left + Math.min(1, Math.max(0, (threshold - low) / (high - low))) * (right - left);
    const marker = this.find(".marker"), label = this.find(".chart .marked"), isLeft = at < (left + right) / 2;
    marker.setAttribute("d", marker.getAttribute("d").replace(/^M[\d.]+/, `M${at.toFixed(1)}`));
    label.setAttribute("x", (at + (isLeft ? 5 : -5)).toFixed(1));
    label.setAttribute("text-anchor", isLeft ? "start" : "end");
    label.textContent = text;
  }
  table(totals, all) {
    const row = (name, [found, positives, raised, negatives]) => make("tr", {}, make("th", { scope: "row" }, name),
      make("td", { class: "number" }, share(found, positives)), make("td", { class: "number" }, share(raised, negatives)));
    const heads = [data.column, `${data.words[0]} found`, "false alarms"];
    const body = [...totals].map(([code, one]) => row(data.groups[code], one));
    if (body.length > 1) body.unshift(row("all", all));
    const table = make("table", {}, make("caption", {}, "At this threshold"), make("thead", {}, make("tr", {},
      ...heads.map((head, at) => make("th", { scope: "col", ...(at && { class: "number" }) }, head)))), make("tbody", {}, ...body));
    const name = `${this.cut.name}: at this threshold`;
    this.find(".live").replaceChildren(make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": name }, table));
  }
  tiles(kind, rows) {
    const some = rows.slice(0, FEW), { name, score, group } = data.rows;
    this.find(`.${kind}-text`).textContent = rows.length === 0 ? "None at this threshold."
      : `${some.length === rows.length ? "All" : `${some.length} of`} ${count.format(rows.length)}, the nearest to the threshold first.`;
    this.find(`.tiles.${kind}`).replaceChildren(...some.map((row) =>
      tile(data.pictures[row], name[row], [`score ${shown(score[row])}`, data.groups[group[row]]])));
  }
}
for (const section of document.querySelectorAll(".cut")) new Cut(section);

/* The gallery, filtered by group and kind. */
const ROLES = { truth: "the truth", answer: "the answer", candidate: "candidate" };
function withOthers(item) {
  const pictured = item.others.filter(([label]) => label in data.known), others = pictured.map(([label, role, score]) =>
    make("div", { class: role }, frame(data.known[label]), make("span", { class: "role" }, ROLES[role]), make("b", {}, label),
      ...(score ? [make("span", {}, score)] : [])));
  const named = item.others.filter(([label]) => !(label in data.known)).map(([label, role, score]) =>
    make("span", { class: role }, make("span", { class: "role" }, `${ROLES[role]}:`), ` ${label} ${score}`));
  const query = make("div", {}, frame(item.picture), make("span", { class: "role" }, "the image"), make("b", {}, item.name),
    ...item.lines.map((line) => make("span", {}, line)), ...named);
  return make("li", { class: "tile" }, make("div", { class: "row" }, query, ...others));
}
function buildGallery(place, { title, kinds, column, groups, items }) {
  const used = new Set(items.map((item) => item.group));
  const [groupLabel, groupSelect] = choice(column, groups.map((name, at) => [at, name]).filter(([at]) => used.has(at)), "all");
  const [kindLabel, kindSelect] = choice("Kind", kinds.map((name, at) => [at, name]), "all");
  const status = make("p", { class: "status", role: "status" });
  const list = make("ul", { class: "tiles", "aria-label": title });
  const more = make("button", { type: "button", class: "plain" });
  let most = PAGE;
  list.classList.toggle("rows", items.some((item) => item.others));
  list.classList.toggle("broad", data.kind === "comparison");
  function update() {
    const kept = items.filter((item) => (groupSelect.value === "" || item.group === Number(groupSelect.value))
      && (kindSelect.value === "" || item.kind === Number(kindSelect.value)));
    const some = kept.slice(0, most);
    list.replaceChildren(...some.map((item) => item.others ? withOthers(item)
      : tile(item.row === undefined ? item.picture : data.pictures[item.row], item.name, item.lines)));
    status.textContent = kept.length ? `${some.length} of ${count.format(kept.length)} are shown.`
      : items.length ? "None of this kind in this group." : "There are none.";
    more.hidden = some.length === kept.length;
    more.textContent = `Show ${Math.min(PAGE, kept.length - some.length)} more`;
  }
  for (const select of [groupSelect, kindSelect]) select.addEventListener("change", () => { most = PAGE; update(); });
  more.addEventListener("click", () => { most += PAGE; update(); });
  place.append(make("div", { class: "filter" }, groupLabel, kindLabel), status, list, more);
  update();
}
buildGallery(document.getElementById("gallery"), data.gallery);
