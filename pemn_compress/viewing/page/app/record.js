// The record of a run (pemn compress --record): what it was made with, and the curves of its epochs.
import { el, facts, note, show, svg, table, wrong } from "./dom.js";
import { claimed, count, digits, printable } from "./words.js";

const WIDTH = 520, HEIGHT = 220, LEFT = 52, BOTTOM = 26, TOP = 12, RIGHT = 12;

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isRecord = (value) => isObject(value) && Array.isArray(value.epochs) && isObject(value.archive ?? {});

/** The record in a text, or an error of one sentence. */
export function readRecord(text, name) {
  let value = null;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${name} is neither an archive nor a record: it is no JSON.`);
  }
  if (!isRecord(value)) throw new Error(`${name} is no record of a run: expected what pemn compress --record writes.`);
  return value;
}

/** The points of a curve: of each epoch that tells a number. */
function points(record, of) {
  const all = record.epochs.filter(isObject).map((epoch, i) => ({ x: Number(epoch.epoch ?? i + 1), y: of(epoch) }));
  return all.filter(({ x, y }) => Number.isFinite(x) && typeof y === "number" && Number.isFinite(y));
}

function metricOf(part) {
  const first = isObject(part) && Array.isArray(part.metrics) ? part.metrics[0] : null;
  return isObject(first) ? first : null;
}

/** The curves that a record may have: a title, and a name and points for each line. */
function curvesOf(record, name) {
  const loss = (part) => points(record, (one) => one[part]?.loss), metric = (part) => points(record, (one) => metricOf(one[part])?.value);
  return [
    ["Loss", [["training", points(record, (one) => one.train_loss)], ["test", loss("test")], ["validation", loss("validation")]]],
    [name, [["test", metric("test")], ["validation", metric("validation")]]],
  ];
}

export function drawRecord(record, listed) {
  if (record === null) {
    return show("record", note("Curves are in the record of the run (pemn compress --record): " +
      "open that file here too, beside its archive."));
  }
  const known = listed?.sha256, fits = listed !== null && (known === undefined || record.archive?.sha256 === known); // known a moment later
  const names = record.epochs.map((epoch) => metricOf(epoch?.test)?.name), name = printable(names.find((one) => one !== undefined) ?? "metric", 40);
  const charts = curvesOf(record, name).map(([title, series]) => chart(title, series)).filter((one) => one !== null);
  const rows = record.epochs.filter(isObject).map((one) => [
    { text: claimed(one.epoch), value: Number(one.epoch) }, ...[one.train_loss, one.test?.loss, metricOf(one.test)?.value, one.lr].map(cell),
  ]);
  const heads = ["epoch", "training loss", "test loss", name, "rate"].map((head) => ({ head, number: true }));
  const other = fits ? null : wrong("This record names another file than the archive that is open.");
  const epochs = el("details", {}, el("summary", {}, `${count(rows.length)} epochs as a table`), table("Epochs", heads, rows));
  return show("record", other, facts([
    ["data", claimed(record.data?.name)], ["settings", claimed(pick(record.settings))], ["seconds", claimed(record.seconds)],
    ["kept epoch", claimed(record.kept_epoch)], ["finished", claimed(record.finished)], ["versions", claimed(record.versions)],
  ]), el("div", { class: "charts" }, charts), epochs);
}

/** The settings that say something. */
function pick(settings) {
  const says = ([, one]) => one !== null && !(Array.isArray(one) && one.length === 0);
  return isObject(settings) ? Object.fromEntries(Object.entries(settings).filter(says)) : null;
}
const cell = (value) => (typeof value === "number" ? { text: digits(value), value } : { text: "", value: -Infinity });

/** Lines over epochs, as a drawing with words for those who do not see it. */
function chart(title, series) {
  const drawn = series.filter(([, own]) => own.length > 0), all = drawn.flatMap(([, own]) => own);
  if (all.length === 0) return null;
  const [left, right] = bounds(all.map((one) => one.x)), [low, high] = bounds(all.map((one) => one.y));
  const x = (value) => LEFT + ((value - left) / (right - left || 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - ((value - low) / (high - low || 1)) * (HEIGHT - BOTTOM - TOP);
  const words = drawn.map(([name, own]) => `${name} from ${digits(own[0].y)} to ${digits(own.at(-1).y)}`).join(", ");
  const places = (own) => own.map((one) => `${x(one.x).toFixed(1)},${y(one.y).toFixed(1)}`).join(" ");
  const lines = drawn.map(([, own], i) => (own.length === 1
    ? svg("circle", { class: `dot line-${i}`, cx: x(own[0].x), cy: y(own[0].y), r: 3 })
    : svg("polyline", { class: `line line-${i}`, points: places(own) })));
  const ticks = [low, (low + high) / 2, high].map((value) => [
    svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
    svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, digits(value, 3)),
  ]);
  const end = ([value, anchor]) => svg("text", { x: x(value), y: HEIGHT - 8, "text-anchor": anchor }, digits(value));
  const ends = [[left, "start"], [right, "end"]].map(end), frame = `0 0 ${WIDTH} ${HEIGHT}`, told = `${title} over epochs: ${words}`;
  const names = drawn.map(([name], i) => el("li", {}, el("span", { class: `swatch line-${i}`, "aria-hidden": "true" }), name));
  return el("figure", {}, el("figcaption", {}, `${title}: ${words}`),
    svg("svg", { viewBox: frame, role: "img", "aria-label": told }, ...ticks.flat(), ...ends, ...lines),
    el("ul", { class: "legend" }, names));
}

function bounds(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return [low, high];
}
