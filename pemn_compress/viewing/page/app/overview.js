// What an archive says of itself, and whether its digests are right.
import { el, facts, find, note, show, table, wrong } from "./dom.js";
import { bytes, claimed, count, digits, percent, printable } from "./words.js";
import { storedOf } from "./tensors.js";

const SHOWN = ["strategy", "ratio", "density", "search", "scaling", "distribution", "seed"];

export function drawOverview(listed) {
  const { about, architecture, header, tensors, prototype } = listed;
  const masked = tensors.filter((one) => one.positions !== null), weights = masked.reduce((sum, one) => sum + one.elements, 0);
  const ones = masked.reduce((sum, one) => sum + one.positions.ones, 0);
  const bits = masked.reduce((sum, one) => sum + 8 * storedOf(one), 0), times = digits(header.restored / listed.bytes, 3);
  const told = `${count(weights)} weights, ${percent(ones / weights)} kept, ${digits(bits / weights, 3)} ${digits(bits / weights, 3) === "1" ? "bit" : "bits"} a weight`;
  show("facts", facts([
    ["size", `${bytes(listed.bytes)} (${count(listed.bytes)} bytes), ${bytes(header.restored)} restored: ${times} times that`],
    ["weights", `${count(header.elements)} in ${count(tensors.length)} tensors`],
    ["masked", masked.length === 0 ? "none" : told],
    ["architecture", architectureOf(architecture)],
    ["settings", settingsOf(about)], ["measured", measured(about)], ["training", claimed(about.training)],
    ["prototype", prototypeOf(prototype)],
    ["format", `${header.major}.${header.minor}`], ["written by", claimed(about.writer)],
  ]));
  drawSections(listed);
}

function settingsOf({ settings }) {
  if (settings === null || typeof settings !== "object") return "not told";
  return claimed(Object.fromEntries(SHOWN.filter((key) => key in settings).map((key) => [key, settings[key]])));
}

function prototypeOf(prototype) {
  if (prototype === null) return "none";
  const from = prototype.seed === null ? "stored" : `of seed ${BigInt(`0x${prototype.seed}`)}`;
  return `${count(prototype.length)} values ${from}`;
}

function architectureOf({ kind, name, arguments: given }) {
  const some = given !== null && typeof given === "object" && Object.keys(given).length > 0;
  return `${name === undefined ? "" : `${claimed(name)}, `}kind ${claimed(kind)}${some ? `: ${claimed(given)}` : ""}`;
}

function measured({ metric, accuracy }) {
  if (metric !== null && metric !== undefined) return claimed(metric);
  if (accuracy === null || typeof accuracy !== "object") return "not told";
  const { correct, total, data } = accuracy, counts = [correct, total].every((one) => Number.isSafeInteger(one)) && total > 0;
  return counts ? `accuracy ${percent(correct / total)}: ${count(correct)} of ${count(total)}, ${claimed(data)}` : claimed(accuracy);
}

const code = (text) => el("code", { class: "digest" }, text);

function drawSections(listed) {
  const rows = listed.sections.map(({ name, bytes: size, sha256, start }, i) => [
    printable(name), { text: count(start), value: start }, { text: count(size), value: size },
    code(sha256 === null ? "of the whole file" : `${sha256.slice(0, 16)}...`), el("span", { id: `section-${i}` }, "not yet"),
  ]);
  const heads = ["section", "offset", "bytes", "SHA-256", "checked"], isNumber = (head) => ["offset", "bytes"].includes(head);
  const columns = heads.map((head) => ({ head, number: isNumber(head) }));
  show("sections", rows.length === 0 ? note("There are no sections: all is in the manifest.") : table("Sections", columns, rows));
}

export function drawChecked(listed, name) {
  const place = listed.sections.findIndex((one) => one.name === name), node = find(`section-${place}`);
  if (node !== null) node.textContent = "yes";
}

function checkedIn({ sections }, { digests, milliseconds }) {
  const what = `${count(sections.length)} sections, ${count(digests.length)} tensors`;
  return `All digests are checked: ${what}, in ${digits(milliseconds, 3)} ms.`;
}

/** Say what checking came to: `found` of the worker, or an error, which stands on top of all too. */
export function drawVerdict(listed, found, error) {
  if (error !== null) {
    show("alarm", wrong(printable(`The file is not right: ${error}.`)));
    return show("verdict", wrong("Not all are right: the top of this page says which."));
  }
  show("verdict", el("p", { class: "right" }, checkedIn(listed, found)));
  return show("restored", facts([["digest of all tensors", code(listed.restored)], ["digest of the file", code(listed.sha256)]]));
}
