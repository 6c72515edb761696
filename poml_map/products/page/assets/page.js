// The map of the report page: unpacks the layers, draws one on a canvas, and tells what lies under the cursor.

const find = (id) => document.getElementById(id);
const facts = JSON.parse(find("facts").textContent);
const { years, rows, columns, digits } = facts;
const MISSING = 65535;
const NODE = "http://www.w3.org/2000/svg";
// As in the GIF: a year, and the last one before it begins again. [ms]
const FRAME = 400, LAST = 1600;

const layers = new Map();   // name -> {offset, frames, codes}
let order;                  // row * columns + column -> place among the pixels with values, or -1
let size = 0;               // how many pixels have values
const state = { view: "", model: "", year: years.length - 1, cursor: null, hover: null, timer: 0 };

// ---- unpacking: the form is told in encode.py ------------------------------------------------------------

async function inflated(name) {
  const tag = find(`packed-${name}`);
  const text = atob(tag.textContent);
  tag.remove();
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function readMask() {
  const bits = await inflated("mask");
  order = new Int32Array(rows * columns).fill(-1);
  for (let at = 0; at < order.length; at++) if (bits[at >> 3] >> (7 - (at & 7)) & 1) order[at] = size++;
}

async function readLayer({ name, offset, frames }) {
  const bytes = await inflated(name);
  const each = name === "zones" ? order.length : size;   // zones hold pixels without a value too
  const codes = new Uint16Array(frames * each);
  for (let at = 0; at < codes.length; at++) {
    const folded = bytes[at] << 8 | bytes[codes.length + at];
    const step = folded & 1 ? -(folded + 1 >> 1) : folded >> 1;
    codes[at] = at < each ? step : codes[at - each] + step;
  }
  layers.set(name, { offset, frames, codes });
}

// ---- values ------------------------------------------------------------------------------------------------

const named = (kind, model) => facts.layers.find((each) => each.kind === kind && (!model || each.model === model))?.name;

// In whole steps of the last digit, so that what is shown is what the file says; null where there is none.
function steps(name, place, frame = state.year) {
  const layer = layers.get(name);
  if (!layer || place < 0) return null;
  const code = layer.codes[(layer.frames === 1 ? 0 : frame) * size + place];
  return code === MISSING ? null : code + layer.offset;
}

function shown(value, signed = false) {
  if (value === null || value === undefined) return "–";
  const text = (Math.abs(value) / 10 ** digits).toFixed(digits);
  return (value < 0 ? "−" : signed && value > 0 ? "+" : "") + text;
}

const fixed = (value) => value === null ? "–" : value.toFixed(digits).replace("-", "−");

function viewed(place, frame = state.year) {
  if (state.view === "change") return steps(named("change", state.model), place);
  if (state.view !== "width") return steps(state.view, place, frame);
  const low = steps(named("low"), place, frame), high = steps(named("high"), place, frame);
  return low === null || high === null ? null : high - low;
}

const scaleName = () => state.view === "change" || state.view === "width" ? state.view : "stock";

// ---- drawing -----------------------------------------------------------------------------------------------

const canvas = find("canvas"), pen = canvas.getContext("2d");
const small = document.createElement("canvas"), faint = document.createElement("canvas");
const outlines = new Path2D();

function prepare() {
  for (const each of [small, faint]) { each.width = columns; each.height = rows; }
  canvas.style.aspectRatio = `${columns} / ${rows * facts.aspect}`;
  for (const line of facts.outlines) {
    for (let at = 0; at < line.length; at += 2) outlines[at ? "lineTo" : "moveTo"](line[at] / 10, line[at + 1] / 10);
  }
}

const colors = Object.fromEntries(Object.entries(facts.scales).map(([name, { colors }]) =>
  [name, colors.map((color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16)))]));

function paint() {
  const { low, high } = facts.scales[scaleName()], table = colors[scaleName()], unit = 10 ** digits;
  const classes = state.view === "change" ? named("class", state.model) : undefined;
  const image = new ImageData(columns, rows), veil = new ImageData(columns, rows);
  for (let at = 0; at < order.length; at++) {
    const value = viewed(order[at]);
    if (value === null) continue;
    const level = Math.floor((value / unit - low) / (high - low) * table.length);
    const color = table[Math.min(Math.max(level, 0), table.length - 1)];
    const unsure = classes && steps(classes, order[at]) === 0;
    for (let part = 0; part < 3; part++) {
      image.data[4 * at + part] = unsure ? color[part] + facts.faded * (255 - color[part]) : color[part];
    }
    image.data[4 * at + 3] = 255;
    if (unsure) veil.data[4 * at + 3] = 255;
  }
  small.getContext("2d").putImageData(image, 0, 0);
  faint.getContext("2d").putImageData(veil, 0, 0);
  show();
}

// Lines all over the canvas, then only where `faint` is.
function hatched(width, height, ratio) {
  const sheet = new OffscreenCanvas(width, height), brush = sheet.getContext("2d");
  brush.imageSmoothingEnabled = false;
  brush.drawImage(faint, 0, 0, width, height);
  brush.globalCompositeOperation = "source-in";
  brush.fillStyle = hatchPattern(brush, ratio);
  brush.fillRect(0, 0, width, height);
  return sheet;
}

function hatchPattern(brush, ratio) {
  const side = Math.round(6 * ratio), tile = new OffscreenCanvas(side, side), line = tile.getContext("2d");
  line.strokeStyle = "rgba(70, 62, 56, .5)";
  line.lineWidth = ratio * 0.8;
  for (const shift of [-side, 0, side]) { line.moveTo(shift, side); line.lineTo(shift + side, 0); }
  line.stroke();
  return brush.createPattern(tile, "repeat");
}

function show() {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
  if (!width || !height) return;
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.imageSmoothingEnabled = width < columns;
  pen.drawImage(small, 0, 0, width, height);
  if (state.view === "change" && named("class", state.model)) pen.drawImage(hatched(width, height, ratio), 0, 0);
  const across = width / columns, down = height / rows;
  pen.save();
  pen.setTransform(across, 0, 0, down, 0, 0);
  for (const [width, color] of [[2.2, "rgba(255, 255, 255, .45)"], [0.8, "rgba(42, 36, 32, .75)"]]) {
    pen.lineWidth = width * ratio / across;
    pen.strokeStyle = color;
    pen.stroke(outlines);
  }
  pen.restore();
  for (const [spot, dark] of [[state.cursor, "#1f5fa8"], [state.hover, "#2a2420"]]) if (spot) ring(spot, dark, across, down, ratio);
}

function ring([row, column], dark, across, down, ratio) {
  const x = (column + 0.5) * across, y = (row + 0.5) * down, radius = Math.max(7 * ratio, across);
  for (const [width, color] of [[4.5, "#ffffff"], [2, dark]]) {
    pen.beginPath();
    pen.lineWidth = width * ratio;
    pen.strokeStyle = color;
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.stroke();
  }
}

// ---- the place under the cursor ----------------------------------------------------------------------------

const spot = () => state.hover ?? state.cursor;
const placeOf = ([row, column]) => order[row * columns + column];

function zoneOf([row, column]) {
  const number = layers.has("zones") ? steps("zones", row * columns + column) : 0;
  return number ? facts.zones[number - 1] : null;
}

function ground([row, column]) {
  const [a, , c, , e, f] = facts.transform, x = c + (column + 0.5) * a, y = f + (row + 0.5) * e;
  const { count, lon, lat } = facts.nodes;
  const texts = [];
  if (count) {
    const u = (column + 0.5) / columns * (count - 1), v = (row + 0.5) / rows * (count - 1);
    const i = Math.min(Math.floor(u), count - 2), j = Math.min(Math.floor(v), count - 2), p = u - i, q = v - j;
    const between = (table) => (1 - q) * ((1 - p) * table[j * count + i] + p * table[j * count + i + 1])
      + q * ((1 - p) * table[(j + 1) * count + i] + p * table[(j + 1) * count + i + 1]);
    const north = between(lat), east = between(lon);
    texts.push(`${Math.abs(north).toFixed(4)}° ${north < 0 ? "S" : "N"}, ${Math.abs(east).toFixed(4)}° ${east < 0 ? "W" : "E"}`);
  }
  if (facts.crs !== "EPSG:4326") texts.push(`x ${+x.toFixed(3)}, y ${+y.toFixed(3)}${facts.crs ? ` (${facts.crs})` : ""}`);
  return texts.join(" · ");
}

function valueWords(place) {
  if (state.view === "width") return `width of the ${facts.level} interval, ${years[state.year]}`;
  if (state.view === "change") return `${state.model}, ${years.at(-1)} minus ${years[0]}`;
  return `${state.view}, ${years[state.year]}`;
}

function limitWords(place) {
  const change = state.view === "change";
  const low = change ? named("change_low", state.model) : named("low");
  const high = change ? named("change_high", state.model) : named("high");
  const ends = [low, high].map((name) => name ? steps(name, place) : null);
  if (ends.includes(null) || state.view === "ML" || state.view === "PO") return change ? classWords(place) : "";
  const words = `${facts.level} interval ${shown(ends[0], change)} to ${shown(ends[1], change)}`;
  return change ? [words, classWords(place)].filter(Boolean).join("; ") : words;
}

function classWords(place) {
  const name = named("class", state.model), found = name ? steps(name, place) : null;
  return found === null ? "" : facts.classes[found];
}

function tell() {
  const where = spot();
  if (!where) return;
  const place = placeOf(where), zone = zoneOf(where), value = viewed(place);
  find("place-title").textContent = zone ? zone.name : place < 0 ? "Outside the map" : "This place";
  find("place-where").textContent = ground(where);
  find("value").textContent = shown(value, state.view === "change");
  find("value-of").textContent = place < 0 && zone ? "not mapped" : valueWords(place);
  find("limits").textContent = place < 0 ? "" : limitWords(place);
  find("now-year").textContent = years[state.year];
  canvas.dataset.row = where[0];
  canvas.dataset.column = where[1];
  tellModels(place);
  const pixel = facts.models.map(({ name, color, dashes }) => ({
    name, color, dashes, values: years.map((_, frame) => scaled(steps(name, place, frame))),
    low: band(named("low", name), place), high: band(named("high", name), place), middle: [],
  }));
  draw(find("pixel-chart"), place < 0 ? "" : `This place [${facts.unit}]`, pixel,
    `Band: ${facts.level} prediction interval of a sample.`);
  const courses = zone ? facts.models.filter(({ name }) => zone.models[name]).map(({ name, color, dashes }) => ({
    name, color, dashes, values: zone.models[name].mean, low: zone.models[name].low ?? [], high: zone.models[name].high ?? [],
    middle: zone.models[name].middle ?? [],
  })) : [];
  draw(find("zone-chart"), courses.length ? `Mean of ${zone.name} [${facts.unit}]` : "", courses,
    `Band: ${facts.zone_level} interval of the true mean, from the sites beside the map; dotted: the mean that they correct.`);
  if (find("series").open) tellSeries(place);
}

const scaled = (value) => value === null ? null : value / 10 ** digits;
const band = (name, place) => name ? years.map((_, frame) => scaled(steps(name, place, frame))) : [];

function tellModels(place) {
  const lines = facts.models.map(({ name, color, dashes }) => {
    const line = document.createElement("tr"), head = document.createElement("th");
    head.scope = "row";
    head.append(sample(color, dashes), name);
    const now = cell(shown(steps(name, place)));
    now.dataset.model = name;
    line.append(head, now);
    if (facts.layers.some(({ kind }) => kind === "change")) {
      const change = named("change", name);
      const told = cell(change ? shown(steps(change, place), true) : "–");
      told.dataset.change = name;
      line.append(told);
    }
    return line;
  });
  find("now").replaceChildren(...lines);
}

function cell(text) {
  const made = document.createElement("td");
  made.className = "number";
  made.textContent = text;
  return made;
}

function tellSeries(place) {
  const [head, body] = find("series").querySelectorAll("thead, tbody");
  const low = named("low"), high = named("high"), level = low && high;
  const names = ["year", ...facts.models.map(({ name }) => name), ...(level ? ["low", "high"] : [])];
  const top = document.createElement("tr");
  top.append(...names.map((name, at) => {
    const made = document.createElement("th");
    made.scope = "col";
    made.className = at ? "number" : "";
    made.textContent = name;
    return made;
  }));
  head.replaceChildren(top);
  body.replaceChildren(...years.map((year, frame) => {
    const line = document.createElement("tr"), first = document.createElement("th");
    first.scope = "row";
    first.textContent = year;
    const layered = [...facts.models.map(({ name }) => name), ...(level ? [low, high] : [])];
    line.append(first, ...layered.map((name) => cell(shown(steps(name, place, frame)))));
    return line;
  }));
}

// ---- charts ------------------------------------------------------------------------------------------------

function svg(name, attributes, text = "") {
  const made = document.createElementNS(NODE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function sample(color, dashes) {
  const made = svg("svg", { width: 24, height: 6, "aria-hidden": "true" });
  made.append(svg("path", { d: "M0 3L24 3", class: "line", stroke: color, "stroke-dasharray": dashes || "none" }));
  return made;
}

function niceStep(length, count) {
  const rough = length / count, power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 2.5, 5, 10].find((each) => each * power >= rough * 0.999) * power;
}

// Paths of a course, broken where there is no value.
function pathOf(values, x, y) {
  let path = "", move = true;
  values.forEach((value, at) => {
    if (value !== null) path += `${move ? "M" : "L"}${x(years[at]).toFixed(1)} ${y(value).toFixed(1)}`;
    move = value === null;
  });
  return path;
}

// Pieces of a band: years one after another in which both limits are known.
function bandPieces(low, high) {
  const pieces = [[]];
  for (let at = 0; at < low.length && at < high.length; at++) {
    if (low[at] === null || high[at] === null) pieces.push([]);
    else pieces.at(-1).push(at);
  }
  return pieces.filter((piece) => piece.length > 1);
}

function draw(box, title, series, bandWords) {
  const all = series.flatMap(({ values, low, high, middle }) => [...values, ...low, ...high, ...middle]).filter((value) => value !== null);
  if (!title || !all.length) { box.replaceChildren(); return; }
  const width = 330, height = 150, left = 40, right = 8, top = 8, bottom = 22;
  let least = Math.min(...all), most = Math.max(...all);
  const room = (most - least) * 0.08 || Math.abs(most) * 0.1 || 1;
  least -= room; most += room;
  const first = years[0], last = years.at(-1), pad = first === last ? 0.5 : 0;
  const x = (year) => left + (year - first + pad) / (last - first + 2 * pad) * (width - left - right);
  const y = (value) => height - bottom - (value - least) / (most - least) * (height - top - bottom);
  const words = `${title}: ${series.map(({ name, values }) => `${name} ${fixed(values[0])} to ${fixed(values.at(-1))}`).join(", ")}`;
  const chart = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words });
  const step = niceStep(most - least, 4), decimals = Math.max(0, Math.ceil(-Math.log10(step) + (/[.]?25/.test(String(step)) ? 0.7 : -1e-9)));
  for (let tick = Math.ceil(least / step) * step; tick <= most; tick += step) {
    chart.append(svg("line", { class: "rule", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }));
    chart.append(svg("text", { class: "tick", x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, tick.toFixed(decimals).replace("-", "−")));
  }
  const apart = [1, 2, 5, 10, 20, 50, 100].find((each) => each / (last - first || 1) * (width - left - right) >= 44) ?? 100;
  for (const year of years.filter((each) => each % apart === 0 || first === last)) {
    chart.append(svg("text", { class: "tick", x: x(year), y: height - 5, "text-anchor": "middle" }, year));
  }
  chart.append(svg("line", { class: "mark", x1: x(years[state.year]), x2: x(years[state.year]), y1: top, y2: height - bottom }));
  let banded = false;
  for (const { low, high, middle, color } of series) {
    for (const piece of bandPieces(low, high)) {
      const side = (values) => piece.map((at) => `${x(years[at])} ${y(values[at])}`);
      chart.append(svg("path", { d: `M${side(high).join("L")}L${side(low).reverse().join("L")}Z`, fill: color, "fill-opacity": 0.16 }));
      banded = true;
    }
    if (middle.length) chart.append(svg("path", { d: pathOf(middle, x, y), class: "middle", stroke: color }));
  }
  for (const { values, color, dashes } of [...series].reverse()) {
    chart.append(svg("path", { d: pathOf(values, x, y), class: "line", stroke: color, "stroke-dasharray": dashes || "none" }));
    const now = values[state.year];
    if (now !== null && now !== undefined) chart.append(svg("circle", { cx: x(years[state.year]), cy: y(now), r: 3, fill: color }));
  }
  const heading = document.createElement("p");
  heading.textContent = title;
  box.replaceChildren(heading, chart);
  if (!banded) return;
  const note = document.createElement("small");
  note.textContent = bandWords;
  box.append(note);
}

// ---- what the user does ------------------------------------------------------------------------------------

const slider = find("year"), play = find("play");

function say() {
  if (state.timer || !state.cursor) return;
  const place = placeOf(state.cursor), zone = zoneOf(state.cursor);
  const value = viewed(place);
  find("said").textContent = value === null ? (zone ? `${zone.name}, not mapped.` : "Outside the map, no value.")
    : [zone?.name, `${shown(value, state.view === "change")} ${facts.unit}`, valueWords(place), limitWords(place)].filter(Boolean).join(", ");
}

function setYear(year, spoken = true) {
  state.year = Math.min(Math.max(year, 0), years.length - 1);
  if (slider) {
    slider.value = state.year;
    slider.setAttribute("aria-valuetext", years[state.year]);
    find("year-shown").textContent = years[state.year];
  }
  update(spoken);
}

function update(spoken) {
  paint();
  tell();
  const words = document.querySelector(`.switch input[value="${state.view}"]`).closest("label").title;
  find("view-text").textContent = state.view === "change" ? `${state.model}: ${words}`
    : `${words[0].toUpperCase()}${words.slice(1)}, ${years[state.year]}`;
  if (spoken) say();
}

function setView(view) {
  state.view = view;
  const change = view === "change";
  if (change) halt();
  find("change-of").hidden = !change || find("change-model").options.length < 2;
  if (slider) slider.disabled = play.disabled = change;
  for (const each of document.querySelectorAll("[data-scale]")) {
    each.hidden = each.dataset.scale !== scaleName() || (each.classList.contains("classes") && !named("class", state.model));
  }
  update(true);
}

function halt() {
  clearTimeout(state.timer);
  state.timer = 0;
  if (play) {
    play.classList.remove("playing");
    play.querySelector("span").textContent = "Play";
  }
}

function step() {
  const year = (state.year + 1) % years.length;
  setYear(year, false);
  state.timer = setTimeout(step, year === years.length - 1 ? LAST : FRAME);
}

function toggle() {
  if (state.timer) { halt(); say(); return; }
  play.classList.add("playing");
  play.querySelector("span").textContent = "Pause";
  state.timer = setTimeout(step, FRAME / 2);
}

function under(event) {
  const box = canvas.getBoundingClientRect();
  const column = Math.floor((event.clientX - box.left) / box.width * columns);
  const row = Math.floor((event.clientY - box.top) / box.height * rows);
  return [Math.min(Math.max(row, 0), rows - 1), Math.min(Math.max(column, 0), columns - 1)];
}

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function key(event) {
  const years = { PageUp: 1, PageDown: -1 }[event.key], move = MOVES[event.key];
  if (!years && !move || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  state.hover = null;
  if (years) {
    if (state.view !== "change") { halt(); setYear(state.year + years); }
    return;
  }
  const reach = event.shiftKey ? 10 : 1;
  const [row, column] = [0, 1].map((at) => state.cursor[at] + reach * move[at]);
  put([Math.min(Math.max(row, 0), rows - 1), Math.min(Math.max(column, 0), columns - 1)]);
}

function put(where) {
  state.cursor = where;
  show();
  tell();
  say();
}

// Where the cursor begins: the pixel with a value that is nearest to the middle.
function middle() {
  let best = null, least = Infinity;
  for (let at = 0; at < order.length; at++) {
    if (order[at] < 0) continue;
    const row = Math.floor(at / columns), column = at % columns;
    const far = ((row - rows / 2) * facts.aspect) ** 2 + (column - columns / 2) ** 2;
    if (far < least) { least = far; best = [row, column]; }
  }
  return best ?? [0, 0];
}

function listen() {
  for (const each of document.querySelectorAll(".switch input")) each.addEventListener("change", () => setView(each.value));
  find("change-model").addEventListener("change", (event) => { state.model = event.target.value; setView("change"); });
  slider?.addEventListener("input", () => { halt(); setYear(+slider.value); });
  play?.addEventListener("click", toggle);
  canvas.addEventListener("keydown", key);
  canvas.addEventListener("click", (event) => { state.hover = null; put(under(event)); });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch") return;
    state.hover = under(event);
    show();
    tell();
  });
  canvas.addEventListener("pointerleave", () => { state.hover = null; show(); tell(); });
  find("series").addEventListener("toggle", () => { if (find("series").open) tellSeries(placeOf(spot())); });
  new ResizeObserver(() => { show(); groundBar(); }).observe(canvas);
}

function groundBar() {
  const bar = find("scale-bar");
  bar.style.width = `${bar.dataset.share * canvas.clientWidth}px`;
}

async function begin() {
  if (typeof DecompressionStream === "undefined" || typeof OffscreenCanvas === "undefined") {
    find("cannot").hidden = false;
    return;
  }
  await readMask();
  for (const each of facts.layers) await readLayer(each);
  state.model = find("change-model").options[0]?.value ?? facts.models[0].name;
  state.cursor = middle();
  find("stills").hidden = true;
  find("live").hidden = false;
  prepare();
  listen();
  groundBar();
  setView(document.querySelector(".switch input:checked").value);
  document.documentElement.dataset.ready = "yes";
}

begin();
