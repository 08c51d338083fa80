// The page: takes files, and shows what is in them.
import { prepareClassify, contractOf, drawContract } from "./classify.js";
import { find, show, el } from "./dom.js";
import { Link } from "./link.js";
import { drawGraph } from "./nodes.js";
import { drawChecked, drawOverview, drawVerdict } from "./overview.js";
import { drawRecord, readRecord } from "./record.js";
import { drawMask, drawTensors } from "./tensors.js";
import { drawTreemap } from "./treemap.js";
import { printable } from "./words.js";

const MOST_BYTES = 2 ** 30;
const MAGIC = [0x89, 0x50, 0x45, 0x4d, 0x4e];
let turns = 0; // archives that were asked for: the last one is shown, whichever is read first
let link = null, listed = null, record = null, takePicture = null;

function tell(words, isWrong = false) {
  const node = find("status");
  node.textContent = words;
  node.classList.toggle("wrong", isWrong);
}

/** Say what is wrong with a file, in one sentence; the page stays as it is. */
const refuse = (name, why) => tell(printable(`${name}: ${why.replace(/\.$/, "")}.`), true);

const isArchive = (bytes) => MAGIC.every((byte, i) => bytes[i] === byte);

/** Open whatever a file is: an archive, a record of a run, or a picture. */
async function take(file) {
  if (file.size > MOST_BYTES) return refuse(file.name, `it has ${file.size} bytes, and this page opens at most ${MOST_BYTES}`);
  let data = null;
  try {
    data = await file.arrayBuffer();
  } catch {
    return refuse(file.name, "it cannot be read, or is larger than this browser can hold");
  }
  if (isArchive(new Uint8Array(data, 0, Math.min(8, data.byteLength)))) return openArchive(file.name, data);
  if (file.type.startsWith("image/") && takePicture !== null) return takePicture(file);
  if (file.name.endsWith(".json")) return takeRecord(file.name, new TextDecoder().decode(data));
  return refuse(file.name, "it is no .pemn archive: its first bytes are not those of one");
}

/** Open several files: archives before their records and pictures. */
async function takeAll(files) {
  const isFirst = (file) => file.name.endsWith(".pemn");
  for (const file of [...files].sort((a, b) => isFirst(b) - isFirst(a))) await take(file);
}

function takeRecord(name, text) {
  try {
    record = readRecord(text, name);
  } catch (error) {
    return tell(printable(error.message), true);
  }
  drawRecord(record, listed);
  return tell(`The record ${printable(name)} is open.`);
}

/** Open an archive's bytes in a worker of its own; what was open stays where it is no archive. */
async function openArchive(name, data, held = null) {
  const turn = ++turns;
  tell(`Opening ${printable(name)} ...`);
  const start = performance.now(), next = new Link((message) => {
    if (next !== link) return;
    if (message.section !== undefined) drawChecked(listed, message.section);
    if (message.failed !== undefined) tell(message.failed, true);
  });
  let found = null, graph = null;
  try {
    found = await next.ask({ kind: "open", data }, [data]);
    graph = await next.ask({ kind: "graph" });
  } catch (error) {
    next.end();
    return turn === turns ? refuse(name, error.message) : null;
  }
  if (turn !== turns) return next.end();
  link?.end();
  [link, listed, record] = [next, found, held];
  draw(name, graph);
  document.body.dataset.opened = String(Math.round(performance.now() - start));
  tell(`${printable(name)} is open; its digests are being checked.`);
  return check(next);
}

async function check(own) {
  let found = null, wrong = null;
  try {
    found = await own.ask({ kind: "check" });
  } catch (error) {
    wrong = error.message;
  }
  if (own === link) tell(drawVerdict(listed, found, wrong), wrong !== null);
  document.body.dataset.checked = wrong === null ? "right" : "wrong";
}

function draw(name, graph) {
  const ask = (question, transfer) => link.ask(question, transfer), choose = (tensor) => drawMask(tensor, ask);
  document.title = `${printable(name, 80)}: what is inside`;
  find("name").textContent = printable(name, 120);
  find("inside").hidden = false;
  show("verdict", el("p", {}, "Digests are being checked ..."));
  show("restored");
  drawOverview(listed);
  drawTensors(listed, choose);
  drawTreemap(listed, choose);
  drawGraph(graph);
  drawRecord(record, listed);
  const contract = contractOf(listed, graph);
  drawContract(contract);
  takePicture = prepareClassify(contract, graph, ask, tell);
}

function listen() {
  const picked = (id) => find(id).addEventListener("change", async ({ target }) => {
    await takeAll(target.files);
    target.value = "";
  });
  picked("file");
  picked("picture");
  const over = (is) => (event) => {
    event.preventDefault();
    document.body.classList.toggle("over", is);
  };
  document.addEventListener("dragover", over(true));
  document.addEventListener("dragleave", over(false));
  document.addEventListener("drop", async (event) => {
    over(false)(event);
    await takeAll(event.dataTransfer.files);
  });
}

const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer;

/** What the page was made with: archives inside, or addresses of them, and their records. */
async function openGiven() {
  const given = JSON.parse(find("given").textContent);
  const open = async ({ name, base64, address, record: held }) => {
    try {
      const data = base64 === undefined ? await (await fetch(address)).arrayBuffer() : bytesOf(base64);
      await openArchive(name, data, held ?? null);
    } catch (error) {
      refuse(name, `it cannot be had: ${error.message}`);
    }
  };
  if (given.length > 1) {
    const select = find("which");
    select.append(...given.map(({ name }, i) => el("option", { value: i }, printable(name, 80))));
    select.addEventListener("change", () => open(given[select.value]));
    find("several").hidden = false;
  }
  if (given.length > 0) await open(given[0]);
}

listen();
openGiven();
