"use strict";
// Sends the form to the service and shows its answers. Texts only ever become text nodes, never HTML.

const SHOWN = 10; // effects with a bar of their own; the others are summed
const form = document.getElementById("form");
const result = document.getElementById("result");
const said = document.getElementById("said"); // read out by screen readers
const inputs = [...form.querySelectorAll("[data-field]")];
let key = ""; // an API key, where the service asks for one; forgotten with the page
let asked = 0; // only the latest answer is shown

const make = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
};

const amount = (value, digits, sign = "auto") => {
  const far = Math.abs(value) >= 1e15 || (value !== 0 && Math.abs(value) < 1e-4);
  return new Intl.NumberFormat("en", {
    maximumSignificantDigits: digits, signDisplay: sign, notation: far ? "scientific" : "standard",
  }).format(value);
};
const withUnit = (text, unit) => (unit ? `${text} ${unit}` : text);

// An empty field is null: the service says itself whether it may be.
function read(input) {
  if (input.value === "") return null;
  if (input.dataset.kind === "number") return Number(input.value);
  return input.dataset.kind === "truth" ? input.value === "true" : input.value;
}

function complain(input, message) {
  document.getElementById(`${input.id}-error`).textContent = message;
  if (message) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

async function ask(address, options = {}) {
  const headers = { "X-Caller": "page", ...options.headers };
  if (key) headers["X-API-Key"] = key;
  try {
    const response = await fetch(address, { ...options, headers });
    return { status: response.status, body: await response.json() };
  } catch {
    const detail = "The service does not answer, or not as it should; try again in a moment.";
    return { status: 0, body: { detail } };
  }
}

function showProblem({ status, body }) {
  const loose = (body.errors || []).filter((error) => {
    const input = inputs.find((one) => one.dataset.field === error.field);
    if (input) complain(input, error.message.replace(`${error.field}: `, ""));
    return !input;
  });
  const first = form.querySelector('[aria-invalid="true"]');
  said.textContent = "";
  const needed = key ? "The service does not know this API key." : "The service answers those who have an API key.";
  const detail = status === 401 ? needed : body.detail || `The service answered ${status}.`;
  const texts = loose.length || !first ? [detail] : [];
  if (first) texts.push("Not predicted: see the fields that are marked.");
  result.replaceChildren(...texts.map((text) => make("p", { class: "notice bad", role: "alert" }, text)));
  if (status === 401) result.append(keyField());
  if (first) first.focus();
  else bringIntoView();
  document.getElementById("key")?.focus();
}

function keyField() {
  const field = make("input", { id: "key", type: "password", autocomplete: "off", required: "" });
  const label = make("label", { for: "key" }, "API key");
  const entry = make("div", { class: "field" }, label, field);
  const made = make("form", { class: "key" }, entry, make("button", {}, "Use it"));
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    key = field.value.trim();
    form.requestSubmit();
  });
  return made;
}

// On a narrow screen the answer stands below the form, and nobody would see that there is one.
function bringIntoView() {
  if (result.getBoundingClientRect().top > innerHeight * 0.6) result.scrollIntoView({ block: "start" });
}

function showPrediction(answer) {
  const { low, high, level } = answer.interval;
  const number = withUnit(amount(answer.prediction, 6), answer.unit);
  said.textContent = `Predicted ${number}, expected between ${amount(low, 6)} and ${amount(high, 6)}`;
  const percent = amount(100 * level, 4);
  const end = (name, value) => make("div", {}, make("small", {}, name), amount(value, 6));
  const made = `Version ${answer.model_version}, trained on ${answer.data_version}. `;
  result.replaceChildren(
    make("p", { class: "big" }, amount(answer.prediction, 6), make("span", {}, answer.unit || "")),
    range(low, answer.prediction, high),
    make("div", { class: "ends" }, end("low", low), end("high", high)),
    make("p", { class: "faint" }, `The true number is expected in this range for ${percent} of 100 such records.`),
    ...answer.warnings.map((text) => make("p", { class: "notice" }, text)),
    make("div", { id: "effects" }, make("p", { class: "faint" }, "What each field adds is being worked out …")),
    make("p", { class: "faint" }, made, "Its true number can be told later under the id ", make("code", {}, answer.id)),
  );
}

function range(low, prediction, high) {
  const text = `${amount(low, 6)} to ${amount(high, 6)}, predicted ${amount(prediction, 6)}`;
  const drawn = make("div", { class: "range", role: "img", "aria-label": text });
  const band = make("i"), mark = make("b");
  const width = high - low;
  const place = (value) => (width > 0 ? 10 + (80 * (value - low)) / width : 50);
  band.style.left = `${place(low)}%`;
  band.style.width = `${place(high) - place(low)}%`;
  mark.style.left = `${place(prediction)}%`;
  drawn.append(band, mark);
  return drawn;
}

function showEffects(told) {
  const shown = told.effects.slice(0, told.effects.length > SHOWN + 1 ? SHOWN : undefined);
  const rest = told.effects.slice(shown.length);
  const rows = shown.map(({ field, value, effect }) => [field, value, effect]);
  if (rest.length) rows.push([`${rest.length} other fields`, "", rest.reduce((sum, { effect }) => sum + effect, 0)]);
  const largest = Math.max(...rows.map(([, , effect]) => Math.abs(effect)));
  const mean = `Mean over ${told.background_rows} training rows`;
  const caption = `What moves this prediction away from the mean${told.unit ? `, in ${told.unit}` : ""}`;
  const table = make("table", { class: "effects" }, make("caption", {}, caption), heads());
  const body = make("tbody", {}, total(mean, told.base), ...rows.map((row) => effectRow(...row, largest)));
  body.append(total("Prediction", told.prediction));
  table.append(body);
  return [make("h2", {}, "What each field adds"), table];
}

function heads() {
  const names = ["Field", "Effect as a bar", "Effect"].map((name) => make("th", { scope: "col" }, name));
  return make("thead", { class: "visually-hidden" }, make("tr", {}, ...names));
}

function total(name, value) {
  const number = make("td", { class: "amount" }, make("strong", {}, amount(value, 6)));
  return make("tr", { class: "total" }, make("th", { scope: "row", colspan: "2" }, name), number);
}

function effectRow(name, value, effect, largest) {
  const bar = make("i", { class: effect >= 0 ? "up" : "down" });
  bar.style[effect >= 0 ? "left" : "right"] = "50%";
  bar.style.width = `${largest > 0 ? (50 * Math.abs(effect)) / largest : 0}%`;
  const words = name.split("_").flatMap((word, place) => (place ? ["_", make("wbr"), word] : [word]));
  const label = make("th", { scope: "row" }, ...words, make("small", {}, value));
  const drawn = make("td", {}, make("span", { class: "balance", "aria-hidden": "true" }, bar));
  return make("tr", {}, label, drawn, make("td", { class: "amount" }, amount(effect, 4, "exceptZero")));
}

async function explain(id, number) {
  const told = await ask(`explain/${encodeURIComponent(id)}`);
  if (number !== asked) return;
  const parts = told.status === 200 ? showEffects(told.body) : [make("p", { class: "notice" }, told.body.detail)];
  document.getElementById("effects").replaceChildren(...parts);
}

async function predict(event) {
  event.preventDefault();
  const number = ++asked;
  inputs.forEach((input) => complain(input, input.validity.badInput ? "This is not a number" : ""));
  const bad = inputs.find((input) => input.validity.badInput);
  if (bad) { bad.focus(); return; }
  const record = Object.fromEntries(inputs.map((input) => [input.dataset.field, read(input)]));
  const button = form.querySelector('[type="submit"]');
  button.disabled = true;
  const headers = { "Content-Type": "application/json" };
  const answer = await ask("predict", { method: "POST", headers, body: JSON.stringify(record) });
  button.disabled = false;
  if (number !== asked) return;
  if (answer.status !== 200) { showProblem(answer); return; }
  showPrediction(answer.body);
  bringIntoView();
  await explain(answer.body.id, number);
}

form.addEventListener("submit", predict);
form.addEventListener("reset", () => inputs.forEach((input) => complain(input, "")));
