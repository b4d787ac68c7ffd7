"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const SHAPES = ["M0-8a8 8 0 1 0 .01 0Z", "M-7-7H7V7H-7Z", "M0-9L8.5 7H-8.5Z", "M0-10L9 0L0 10L-9 0Z"];
const CROSS = "M-7-7L7 7M-7 7L7-7";
const COLOURS = 8, OUTLIER = -1;
const crops = data.crops.map(([species, location, cluster, order, name, box], at) =>
  ({ species, location, cluster, order, name, box, at }));
const inOrder = [...crops].sort((a, b) => a.order - b.order);
const state = { plane: Object.keys(data.planes)[0], colour: data.colour, chosen: null };

const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const clusterName = (number) => number === OUTLIER ? "outlier" : `cluster ${number + 1}`;
const valueOf = (crop, kind) => kind === "cluster" ? crop.cluster : crop[kind];
const nameOf = (value, kind) => kind === "cluster" ? clusterName(value) : data[kind][value];
const colourOf = (value) => value === OUTLIER ? "var(--ink)" : `var(--c${value % COLOURS})`;
const shapeOf = (value) => SHAPES[Math.floor(value / COLOURS) % SHAPES.length];
const text = (crop) => `${data.species[crop.species]}, ${data.location[crop.location]}, ` +
  `${clusterName(crop.cluster)}, ${crop.name}`;

function tile(crop) {
  const style = `--x: ${crop.at % data.columns}; --y: ${Math.floor(crop.at / data.columns)};`;
  return make("span", { class: "tile", role: "img", "aria-label": text(crop),
    style: `${style} --columns: ${data.columns}; --rows: ${data.rows};` });
}

/* What the boxes of the form say. */
const checked = (name) => new Set([...document.querySelectorAll(`input[name="${name}"]:checked`)].map((box) => +box.value));
function isShown(crop) {
  return state.filter.species.has(crop.species) && state.filter.location.has(crop.location)
    && (!state.filter.outliers || crop.cluster === OUTLIER);
}
const shown = () => inOrder.filter(isShown);

function choices(id, type, entries, isChecked) {
  for (const [value, label] of entries) {
    const input = make("input", { type, name: id, value });
    input.checked = isChecked(value);
    $(id).append(make("label", {}, input, label));
  }
}
const counted = (kind) => data[kind].map((name, value) =>
  [value, `${name} (${crops.filter((crop) => crop[kind] === value).length})`]);
function buildForm() {
  choices("species", "checkbox", counted("species"), () => true);
  choices("location", "checkbox", counted("location"), () => true);
  choices("kind", "radio", [["all", "all crops"], ["outliers", "outliers only"]], (value) => value === "all");
  choices("colour", "radio", [["cluster", "cluster"], ["species", "species"], ["location", "location"]],
    (value) => value === state.colour);
  choices("shown-plane", "radio", Object.keys(data.planes).map((name) => [name, name]), (value) => value === state.plane);
  $("shown-plane").hidden = Object.keys(data.planes).length < 2;
  $("filter").addEventListener("change", update);
  $("filter").addEventListener("submit", (event) => event.preventDefault());
}

/* The plane: one mark for each crop, of which one can be reached with Tab. */
function buildPlane() {
  for (const crop of inOrder) {
    crop.mark = draw("path", { class: "mark" });
    crop.element = draw("g", { role: "option", tabindex: "-1", "aria-label": text(crop), "aria-selected": "false" },
      draw("circle", { class: "reach", r: 14 }), draw("circle", { class: "ring", r: 17 }), crop.mark);
    crop.element.addEventListener("pointerenter", () => choose(crop));
    crop.element.addEventListener("pointerdown", (event) => { event.preventDefault(); crop.element.focus(); });
    crop.element.addEventListener("focus", () => choose(crop));
    crop.element.addEventListener("keydown", (event) => go(event, crop));
  }
  $("plane").append(...inOrder.map((crop) => crop.element));
}
function paint() {
  for (const crop of crops) {
    const value = valueOf(crop, state.colour), isOutlier = crop.cluster === OUTLIER;
    crop.place = data.planes[state.plane][crop.at];
    crop.mark.setAttribute("d", isOutlier ? CROSS : shapeOf(value));
    crop.element.setAttribute("class", (isOutlier ? "outlier" : "") + (crop === state.chosen ? " chosen" : ""));
    crop.element.setAttribute("style", `--colour: ${colourOf(value)}`);
    crop.element.setAttribute("transform", `translate(${crop.place})`);
  }
}
const DIRECTIONS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
function go(event, from) {
  const list = shown(), at = list.indexOf(from);
  const steps = { Home: list[0], End: list[list.length - 1], PageDown: list[at + 1], PageUp: list[at - 1] };
  const target = event.key in DIRECTIONS ? nearest(list, from, DIRECTIONS[event.key]) : steps[event.key];
  if (!(event.key in DIRECTIONS) && !(event.key in steps)) return;
  event.preventDefault();
  if (target) target.element.focus();
}
/* The next crop within 60 degrees of a direction; those aside count as further away. */
function nearest(list, from, [x, y]) {
  let best = null, least = Infinity;
  for (const crop of list) {
    const across = crop.place[0] - from.place[0], down = crop.place[1] - from.place[1];
    const along = across * x + down * y, aside = Math.abs(across * y) + Math.abs(down * x);
    const cost = along + 2 * aside;
    if (along > 0 && aside <= 1.75 * along && cost < least) [best, least] = [crop, cost];
  }
  return best;
}

function choose(crop) {
  const before = state.chosen;
  state.chosen = crop;
  for (const one of [before, crop]) {
    if (!one) continue;
    one.element.classList.toggle("chosen", one === crop);
    one.element.setAttribute("aria-selected", String(one === crop));
    one.element.setAttribute("tabindex", one === crop ? "0" : "-1");
  }
  if (!crop) return $("card").replaceChildren(make("p", { class: "soft" }, "No crop is chosen yet."));
  const rows = [["Species", data.species[crop.species]], ["Location", data.location[crop.location]],
    ["Cluster", crop.cluster === OUTLIER ? "none: an outlier" : String(crop.cluster + 1)],
    ["Image", crop.name], ["Box", crop.box]];
  const list = make("dl", {}, ...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
  $("card").replaceChildren(tile(crop), list);
}

function button(crop) {
  const made = make("button", { type: "button" }, tile(crop));
  made.addEventListener("focus", () => choose(crop));
  made.addEventListener("pointerenter", () => choose(crop));
  made.addEventListener("click", () => { crop.element.focus(); $("plane").scrollIntoView({ block: "nearest" }); });
  return made;
}
function key(value, kind) {
  const isOutlier = kind === "cluster" && value === OUTLIER;
  return draw("svg", { viewBox: "-10 -10 20 20", "aria-hidden": "true", style: `--colour: ${colourOf(value)}` },
    draw("path", { class: isOutlier ? "key cross" : "key", d: isOutlier ? CROSS : shapeOf(value) }));
}
function tally(list, kind) {
  const counts = new Map();
  for (const crop of list) counts.set(valueOf(crop, kind), (counts.get(valueOf(crop, kind)) || 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
}

function showLists(list) {
  const outliers = list.filter((crop) => crop.cluster === OUTLIER);
  const some = outliers.slice(0, data.most_outliers);
  $("outliers-text").textContent = outliers.length === 0 ? "None among the crops that are shown."
    : `${outliers.length === some.length ? `All ${some.length}` : `The first ${some.length} of ${outliers.length}`}, ` +
      "those furthest from their neighbours first.";
  $("outliers").replaceChildren(...some.map(button));
  const parts = [];
  for (const [cluster] of tally(list, "cluster").filter(([value]) => value !== OUTLIER)) {
    const members = list.filter((crop) => crop.cluster === cluster);
    const species = tally(members, "species").map(([value, count]) => `${data.species[value]} ${count}`).join(", ");
    const swatch = state.colour === "cluster" ? [key(cluster, "cluster")] : [];
    parts.push(make("h3", {}, ...swatch, `Cluster ${cluster + 1}: ${members.length} crops (${species})`),
      make("div", { class: "thumbs" }, ...members.slice(0, data.most_typical).map(button)));
  }
  $("clusters").replaceChildren(...(parts.length ? parts : [make("p", { class: "soft" }, "No cluster among the crops that are shown.")]));
}
function showLegend(list) {
  const entries = tally(list, state.colour).map(([value, count]) =>
    make("li", {}, key(value, state.colour), `${nameOf(value, state.colour)} (${count})`));
  $("legend").replaceChildren(...entries);
}
/* Why a filter leaves nothing, in words. */
function reason() {
  const { species, location } = state.filter;
  const missing = [["species", species], ["location", location]].filter(([, set]) => !set.size).map(([name]) => `no ${name} is ticked`);
  const both = crops.filter((crop) => species.has(crop.species) && location.has(crop.location));
  if (missing.length) return `${missing.join(" and ")}: tick at least one.`;
  if (both.length) return "none of these crops is an outlier: show all crops.";
  return "these species were not seen at these locations: tick more of either.";
}
function update() {
  state.filter = { species: checked("species"), location: checked("location"),
    outliers: document.querySelector('input[name="kind"]:checked').value === "outliers" };
  state.colour = document.querySelector('input[name="colour"]:checked').value;
  state.plane = document.querySelector('input[name="shown-plane"]:checked').value;
  paint();
  for (const crop of crops) crop.element.toggleAttribute("hidden", !isShown(crop));
  const list = shown();
  if (!list.includes(state.chosen)) {
    choose(null);
    for (const crop of crops) crop.element.setAttribute("tabindex", crop === list[0] ? "0" : "-1");
  }
  $("status").textContent = `${list.length} of ${crops.length} crops are shown` +
    (list.length ? `, ${list.filter((crop) => crop.cluster === OUTLIER).length} of them outliers.` : `: ${reason()}`);
  $("empty").hidden = list.length > 0;
  $("empty").textContent = list.length ? "" : "No crop is left by the filter.";
  showLegend(list);
  showLists(list);
}

buildForm();
buildPlane();
update();
