// What an archive says of itself, and whether its digests are right.
import { el, facts, find, show, table } from "./dom.js";
import { bytes, claimed, count, digits, percent, printable } from "./words.js";
import { storedOf } from "./tensors.js";

const SHOWN = ["strategy", "ratio", "density", "search", "scaling", "distribution", "seed"];

export function drawOverview(listed) {
  const { about, architecture, header, tensors, prototype } = listed;
  const masked = tensors.filter((one) => one.positions !== null), weights = masked.reduce((sum, one) => sum + one.elements, 0);
  const ones = masked.reduce((sum, one) => sum + one.positions.ones, 0), bits = masked.reduce((sum, one) => sum + 8 * storedOf(one), 0);
  const settings = about.settings, chosen = settings !== null && typeof settings === "object" ? Object.fromEntries(SHOWN.filter((key) => key in settings).map((key) => [key, settings[key]])) : null;
  show("facts", facts([
    ["size", `${bytes(listed.bytes)} (${count(listed.bytes)} bytes), ${bytes(header.restored)} restored: ${digits(header.restored / listed.bytes, 3)} times that`],
    ["weights", `${count(header.elements)} in ${count(tensors.length)} tensors`],
    ["masked", masked.length === 0 ? "none" : `${count(weights)} weights, ${percent(ones / weights)} kept, ${digits(bits / weights, 3)} bits a weight`],
    ["architecture", architectureOf(architecture)],
    ["settings", chosen === null ? "not told" : claimed(chosen)], ["measured", measured(about)], ["training", claimed(about.training)],
    ["prototype", prototype === null ? "none" : `${count(prototype.length)} values ${prototype.seed === null ? "stored" : `of seed ${BigInt(`0x${prototype.seed}`)}`}`],
    ["format", `${header.major}.${header.minor}`], ["written by", claimed(about.writer)],
  ]));
  drawSections(listed);
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

function drawSections(listed) {
  const rows = listed.sections.map(({ name, bytes: size, sha256, start }, i) => [
    printable(name), { text: count(start), value: start }, { text: count(size), value: size },
    el("code", { class: "digest" }, sha256 === null ? "of the whole file" : `${sha256.slice(0, 16)}...`), el("span", { id: `section-${i}` }, "not yet"),
  ]);
  const columns = [{ head: "section" }, { head: "offset", number: true }, { head: "bytes", number: true }, { head: "SHA-256" }, { head: "checked" }];
  show("sections", rows.length === 0 ? el("p", {}, "There are no sections: all is in the manifest.") : table("Sections", columns, rows));
}

export function drawChecked(listed, name) {
  const place = listed.sections.findIndex((one) => one.name === name), node = find(`section-${place}`);
  if (node !== null) node.textContent = "yes";
}

/** Say what checking came to: `found` of the worker, or an error. */
export function drawVerdict(listed, found, error) {
  const words = error === null
    ? `All digests are checked: ${count(listed.sections.length)} sections, ${count(found.digests.length)} tensors, in ${digits(found.milliseconds, 3)} ms.`
    : printable(`The file is not right: ${error}.`);
  show("verdict", el("p", { class: error === null ? "right" : "wrong" }, words));
  if (error === null) show("restored", facts([["digest of all tensors", el("code", { class: "digest" }, listed.restored)], ["digest of the file", el("code", { class: "digest" }, listed.sha256)]]));
  return words;
}
