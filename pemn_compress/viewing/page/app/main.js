// The page: takes files, and shows what is in them.
import { find, show, el, note } from "./dom.js";
import { bytesOf, kindOf, UNKNOWN } from "./files.js";
import { Link } from "./link.js";
import { drawGraph } from "./nodes.js";
import { drawChecked, drawOverview, drawVerdict } from "./overview.js";
import { pixelsOf } from "./pictures.js";
import { drawRecord, readRecord } from "./record.js";
import { drawMask, drawTensors } from "./tensors.js";
import { drawTreemap } from "./treemap.js";
import { prepareTrial } from "./trial.js";
import { printable } from "./words.js";

const MOST_BYTES = 2 ** 30, AT_ONCE = 2 ** 26; // of a file, and of one that is looked at before a worker is asked
let turns = 0; // archives that were asked for: the last one is shown, whichever is read first
let link = null, listed = null, record = null, trial = null;

function tell(words, isWrong = false) {
  const node = find("status");
  node.textContent = words;
  node.classList.toggle("wrong", isWrong);
}

/** Say what is wrong with a file, in one sentence; the page stays as it is. */
const refuse = (name, why) => tell(printable(`${name}: ${why.replace(/\.$/, "")}.`), true);

/** Open whatever a file is: an archive, a record of a run, a picture, an array. */
async function take(file) {
  if (file.size > MOST_BYTES) return refuse(file.name, `it has ${file.size} bytes, and this page opens at most ${MOST_BYTES}`);
  let data = null;
  try {
    data = await file.arrayBuffer();
  } catch {
    return refuse(file.name, "it cannot be read, or is larger than this browser can hold");
  }
  const kind = kindOf(file, data);
  if (kind === "archive") return openArchive(file.name, data);
  if (kind === "record") return takeRecord(file.name, new TextDecoder().decode(data));
  if (kind === "picture") return takePicture(file);
  if (kind === "array") return takeArray(file.name, data);
  return refuse(file.name, UNKNOWN[kind]);
}

/** Open several files: archives before their records and what goes in. */
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

async function takePicture(file) {
  let pixels = null;
  try {
    pixels = await pixelsOf(file);
  } catch {
    return refuse(file.name, "it is a picture that cannot be decoded: damaged, or of a kind that this browser does not know");
  }
  if (trial === null) return refuse(file.name, "it is a picture, and no archive is open that could classify it");
  return trial.takePicture(pixels);
}

function takeArray(name, data) {
  if (trial === null) return refuse(name, "it is an array of NumPy, and no archive is open whose model could take it");
  return trial.takeArray(name, data);
}

/** The graph of an archive if it is read in no time; undefined where the worker has to. */
function graphAtOnce(archive) {
  try {
    return LISTING.graph(archive, LISTING.AT_ONCE);
  } catch {
    return undefined;
  }
}

/** Show an archive's bytes at once, and check them in a worker of its own; what was open stays where it is no archive. */
async function openArchive(name, data, held = null) {
  const turn = ++turns, start = performance.now(), size = data.byteLength, next = new Link((message) => {
    if (next !== link) return;
    if (message.section !== undefined) drawChecked(listed, message.section);
    if (message.failed !== undefined) tell(message.failed, true);
  });
  const toWorker = () => next.ask({ kind: "open", data }, [data]); // which has the bytes from then on
  let found = null, graph = undefined, opened = null;
  try {
    if (size <= AT_ONCE) {
      const archive = PEMN.open(data, LISTING.OPEN);
      [found, graph] = [LISTING.listed(archive, size), graphAtOnce(archive)];
    } else { // it may take a while: the digest of a small manifest is over all of the file
      tell(`Opening ${printable(name)} ...`);
      found = await (opened = toWorker());
    }
  } catch (error) {
    next.end();
    return turn === turns ? refuse(name, opened === null ? LISTING.sentence(error) : error.message) : null;
  }
  if (turn !== turns) return next.end();
  link?.end();
  [link, listed, record, trial] = [next, found, held, null];
  draw(name);
  if (graph !== undefined) drawModel(graph);
  tell(`${printable(name)} is open; its digests are being checked.`);
  return follow(name, next, opened ?? toWorker(), graph, start);
}

/** What the worker adds to an archive that is shown: the digest of the file, its graph if that takes longer, all digests. */
async function follow(name, own, opened, graph, start) {
  try {
    const known = graph !== undefined, read = known ? graph : await opened.then(() => own.ask({ kind: "graph" }));
    document.body.dataset.opened = String(Math.round(performance.now() - start));
    if (own === link && !known) drawModel(read);
    const { sha256 } = await opened;
    if (own !== link) return null;
    listed = { ...listed, sha256 };
    drawRecord(record, listed);
  } catch (error) {
    if (own !== link) return null;
    drawVerdict(listed, null, error.message);
    return refuse(name, error.message);
  }
  return check(own, name);
}

async function check(own, name) {
  let found = null, wrong = null;
  try {
    found = await own.ask({ kind: "check" });
  } catch (error) {
    wrong = error.message;
  }
  if (own !== link) return;
  drawVerdict(listed, found, wrong);
  tell(wrong === null ? `${printable(name)} is open, and every digest is right.` : `${printable(name)} is open, but it is not right.`, wrong !== null);
  document.body.dataset.checked = wrong === null ? "right" : "wrong";
}

/** Show all that the manifest says. */
function draw(name) {
  const ask = (question, transfer) => link.ask(question, transfer), choose = (tensor) => drawMask(tensor, ask);
  document.title = `${printable(name, 80)}: what is inside`;
  find("name").textContent = printable(name, 120);
  find("inside").hidden = false;
  for (const id of ["alarm", "verdict", "restored", "classified", "contract", "graph"]) show(id);
  show("verdict", note("They are being checked ..."));
  drawOverview(listed);
  drawTensors(listed, choose);
  drawTreemap(listed, choose);
  drawRecord(record, listed);
}

/** Show the graph, and what can be done with it. */
function drawModel(graph) {
  const ask = (question, transfer) => link.ask(question, transfer);
  drawGraph(graph, listed);
  trial = prepareTrial(listed, graph, ask, tell);
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

/** What the page was made with: archives inside, which are shown before this returns, or addresses of them. */
function openGiven() {
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
  if (given.length > 0) open(given[0]);
}

listen();
openGiven();
