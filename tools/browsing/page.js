"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const filters = document.getElementById("filters");
const grid = document.getElementById("grid");
const large = document.getElementById("large");
const PAGE = 48;
let shown = [], first = 0;

const option = name => filters.elements[name] ? filters.elements[name].value : "";
const checked = name => !!filters.elements[name] && filters.elements[name].checked;

function stateOf(photo, keypoint) {
  const point = photo.points.find(point => point[0] === keypoint);
  return point ? point[3] : -1;
}

function errorOf(photo, keypoint) {
  if (keypoint === "") return photo.error ?? null;
  const point = (photo.predicted || []).find(point => point[0] === +keypoint);
  return point ? point[3] : null;
}

function suspicionOf(photo, keypoint) {
  const suspects = (photo.suspects || []).filter(suspect => keypoint === "" || suspect[0] === +keypoint);
  return Math.max(0, ...suspects.map(suspect => suspect[1]));
}

function accepts(photo) {
  const keypoint = option("keypoint"), state = option("state"), text = option("text").toLowerCase();
  if (option("category") && photo.category !== option("category")) return false;
  if (option("source") !== "" && photo.source !== +option("source")) return false;
  if (checked("broken") && !photo.faults.length) return false;
  if (text && !photo.id.toLowerCase().includes(text)) return false;
  if (keypoint !== "") {
    const own = data.outlines[photo.category].flat().includes(+keypoint);
    return own && (state === "" || stateOf(photo, +keypoint) === +state);
  }
  return state === "" || state === "-1" || photo.points.some(point => point[3] === +state);
}

function compare(order, keypoint) {
  const area = photo => photo.size[0] * photo.size[1];
  const error = (photo, missing) => errorOf(photo, keypoint) ?? missing;
  return {
    suspicious: (a, b) => suspicionOf(b, keypoint) - suspicionOf(a, keypoint),
    worst: (a, b) => error(b, -1) - error(a, -1),
    best: (a, b) => error(a, Infinity) - error(b, Infinity),
    large: (a, b) => area(b) - area(a),
    small: (a, b) => area(a) - area(b),
  }[order];
}

function refresh() {
  shown = data.photos.filter(accepts);
  const order = compare(option("order"), option("keypoint"));
  if (order) shown.sort(order);
  first = 0;
  showPage();
}

function showPage() {
  grid.replaceChildren(...shown.slice(first, first + PAGE).map(card));
  const last = Math.min(first + PAGE, shown.length);
  document.getElementById("position").value = shown.length ? `${first + 1} – ${last} of ${shown.length}` : "no photo";
  for (const button of document.querySelectorAll("[data-step]"))
    button.disabled = +button.dataset.step < 0 ? first === 0 : last >= shown.length;
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function card(photo) {
  const figure = element("figure", undefined, photo.faults.length ? "card broken" : "card");
  const caption = element("figcaption");
  const error = errorOf(photo, option("keypoint"));
  caption.append(element("b", photo.category), element("span", `${photo.size[0]}×${photo.size[1]}`));
  if (error !== null) caption.append(element("span", `NE ${error.toFixed(4)}`));
  if (photo.suspects) caption.append(element("span", `suspicion ${suspicionOf(photo, option("keypoint")).toFixed(2)}`));
  figure.append(picture(photo), caption);
  figure.addEventListener("click", () => enlarge(photo));
  return figure;
}

function picture(photo) {
  const box = element("div", undefined, "picture");
  const bytes = document.getElementById(`thumbnail-${data.photos.indexOf(photo)}`).textContent;
  if (!bytes) return box;
  const image = element("img");
  image.alt = photo.category;
  image.src = `data:image/jpeg;base64,${bytes}`;
  box.append(image, overlay(photo));
  return box;
}

function drawn(name, attributes, title) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (title) made.append(document.createElementNS("http://www.w3.org/2000/svg", "title")), made.lastChild.textContent = title;
  return made;
}

// Points are counted by pixel centres, so a point stands half a pixel further in the drawing's plane.
function overlay(photo) {
  const [width, height] = photo.size, unit = Math.max(width, height) / 100;
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}` });
  const main = photo.predicted || photo.points;
  const wanted = point => option("keypoint") === "" || point[0] === +option("keypoint");
  const places = new Map(main.map(point => [point[0], point]));
  const segment = (a, b, color) => drawn("line", { x1: a[1] + .5, y1: a[2] + .5, x2: b[1] + .5, y2: b[2] + .5, stroke: color, "stroke-width": unit * .5 });
  if (photo.box) {
    const [left, top, right, bottom] = photo.box;
    svg.append(drawn("rect", { class: "box", x: left, y: top, width: right - left, height: bottom - top, fill: "none", stroke: "#fd0", "stroke-width": unit * .6 }));
  }
  if (checked("outline"))
    for (const [start, end] of data.outlines[photo.category])
      if (places.has(start) && places.has(end)) svg.append(segment(places.get(start), places.get(end), "#fffc"));
  if (photo.predicted && checked("truth"))
    for (const point of photo.points.filter(wanted)) {
      if (places.has(point[0])) svg.append(segment(point, places.get(point[0]), "#f22"));
      svg.append(drawn("circle", { cx: point[1] + .5, cy: point[2] + .5, r: unit * 1.6, fill: "none", stroke: data.colors[point[0]], "stroke-width": unit * .5 }));
    }
  for (const [keypoint] of photo.suspects || []) {
    const point = photo.points.find(point => point[0] === keypoint) || places.get(keypoint);
    if (point && wanted(point)) svg.append(drawn("circle", { class: "suspect", cx: point[1] + .5, cy: point[2] + .5, r: unit * 3, fill: "none", stroke: "#f22", "stroke-width": unit * .7 }));
  }
  if (photo.predicted && checked("ellipses"))
    for (const [keypoint, x, y, , ...ellipse] of main.filter(wanted))
      if (ellipse.length) svg.append(drawn("ellipse", { cx: x + .5, cy: y + .5, rx: ellipse[0], ry: ellipse[1],
        transform: `rotate(${ellipse[2]} ${x + .5} ${y + .5})`, fill: "none", stroke: data.colors[keypoint], "stroke-width": unit * .4 }));
  if (checked("points"))
    for (const point of main.filter(wanted)) svg.append(dot(photo, point, unit));
  return svg;
}

function dot(photo, point, unit) {
  const name = data.keypoints[point[0]], color = data.colors[point[0]];
  const note = photo.predicted ? (point[3] === null ? "" : `NE ${point[3].toFixed(4)}`) : ["occluded", "visible"][point[3]];
  const hollow = !photo.predicted && point[3] === 0;
  return drawn("circle", {
    cx: point[1] + .5, cy: point[2] + .5, r: unit * 1.3, fill: hollow ? "#0009" : color,
    stroke: hollow ? color : "#000b", "stroke-width": unit * .5,
  }, `${name} ${note}`);
}

function enlarge(photo) {
  const lines = [photo.id, `${data.sources[photo.source]}, ${photo.place}, ${photo.category}, ${photo.size[0]} × ${photo.size[1]}${photo.box ? `, box ${photo.box.join("_")}` : ""}`];
  if (photo.error != null) lines.push(`NE ${photo.error.toFixed(4)}`);
  for (const [keypoint, suspicion, kind] of photo.suspects || [])
    lines.push(`${data.keypoints[keypoint]}: ${kind}, suspicion ${suspicion.toFixed(4)}`);
  large.lastElementChild.replaceChildren(picture(photo), ...lines.map(line => element("p", line)),
    ...photo.faults.map(fault => element("p", fault, "fault")));
  large.showModal();
}

large.addEventListener("click", event => { if (event.target === large || event.target.tagName === "BUTTON") large.close(); });
filters.addEventListener("change", refresh);
filters.elements.text.addEventListener("input", refresh);
filters.addEventListener("submit", event => event.preventDefault());
for (const button of document.querySelectorAll("[data-step]"))
  button.addEventListener("click", () => { first += PAGE * button.dataset.step; showPage(); window.scrollTo(0, 0); });
for (const button of document.querySelectorAll("[data-view]"))
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[data-view]")) {
      other.toggleAttribute("aria-current", other === button);
      document.getElementById(other.dataset.view).hidden = other !== button;
    }
  });
refresh();
