// A layered drawing: layers by longest paths, order within them by barycentres, places by means of neighbours.
const GAP = 18, BETWEEN = 26, LANE = 10; // pixels between boxes, between layers, and of a line that passes a layer
const SWEEPS = 6;

/**
 * Lay out boxes of { width, height } with edges [from, to] that lead forward; `last` is in the last layer.
 * Returns { width, height, places: [{ x, y }], lines: [{ from, to, points }] }, points in pairs of x and y.
 */
export function layered(boxes, edges, last = null) {
  const layerOf = layersOf(boxes.length, edges, last), { items, links, lines } = withLanes(boxes, edges, layerOf);
  const rows = [];
  items.forEach((item, i) => (rows[item.layer] ??= []).push(i));
  for (let i = 0; i < rows.length; i++) rows[i] ??= [];
  ordered(rows, links, items);
  placed(rows, links, items);
  let y = 0;
  for (const row of rows) {
    const height = Math.max(0, ...row.map((i) => items[i].height));
    for (const i of row) Object.assign(items[i], { top: y + (height - items[i].height) / 2, from: y, to: y + height });
    y += height + BETWEEN;
  }
  const left = Math.min(...items.map((item) => item.x - item.width / 2)), right = Math.max(...items.map((item) => item.x + item.width / 2));
  for (const item of items) item.x -= left;
  return {
    width: right - left, height: Math.max(0, y - BETWEEN),
    places: boxes.map((_, i) => ({ x: items[i].x - items[i].width / 2, y: items[i].top })),
    lines: lines.map(({ from, to, through }) => ({ from, to, points: pointsOf(items[from], through.map((i) => items[i]), items[to]) })),
  };
}

function layersOf(count, edges, last) {
  const into = Array.from({ length: count }, () => []), out = Array.from({ length: count }, () => []), layers = Array(count).fill(0);
  for (const [a, b] of edges) {
    into[b].push(a);
    out[a].push(b);
  }
  for (let i = 0; i < count; i++) for (const a of into[i]) layers[i] = Math.max(layers[i], layers[a] + 1);
  for (let i = count - 1; i >= 0; i--) { // what nothing leads to stands right before what it is for
    if (into[i].length === 0 && out[i].length > 0) layers[i] = Math.max(layers[i], Math.min(...out[i].map((b) => layers[b])) - 1);
  }
  if (last !== null) layers[last] = Math.max(layers[last], ...layers.map((layer, i) => (i === last ? 0 : layer + 1)));
  return layers;
}

/** Boxes and, for lines over several layers, lanes: one for each box that lines come from, and layer. */
function withLanes(boxes, edges, layerOf) {
  const items = boxes.map(({ width, height }, i) => ({ width, height, layer: layerOf[i], x: 0 })), links = new Map(), lanes = new Map();
  const link = (a, b) => links.set(`${a} ${b}`, [a, b]);
  const lines = edges.map(([from, to]) => {
    const through = [];
    for (let layer = layerOf[from] + 1; layer < layerOf[to]; layer++) {
      const key = `${from} ${layer}`;
      if (!lanes.has(key)) lanes.set(key, items.push({ width: LANE, height: 0, layer, x: 0, lane: true }) - 1);
      through.push(lanes.get(key));
    }
    [from, ...through].forEach((one, i, all) => link(one, all[i + 1] ?? to));
    return { from, to, through };
  });
  return { items, links: neighbours(items.length, [...links.values()]), lines };
}

function neighbours(count, links) {
  const up = Array.from({ length: count }, () => []), down = Array.from({ length: count }, () => []);
  for (const [a, b] of links) {
    up[b].push(a);
    down[a].push(b);
  }
  return { up, down };
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Where an item would stand straight: below or above its neighbours, boxes before lanes. */
function straight(i, side, items) {
  if (side[i].length === 0) return items[i].x;
  const boxes = side[i].filter((k) => !items[k].lane);
  return mean((boxes.length > 0 ? boxes : side[i]).map((k) => items[k].x));
}

function ordered(rows, { up, down }, items) {
  const number = (row) => row.forEach((item, i) => (items[item].order = i));
  rows.forEach(number);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const side = sweep % 2 === 0 ? up : down, all = sweep % 2 === 0 ? rows : [...rows].reverse();
    for (const row of all) {
      const centre = new Map(row.map((i) => [i, side[i].length > 0 ? mean(side[i].map((k) => items[k].order)) : items[i].order]));
      row.sort((a, b) => centre.get(a) - centre.get(b));
      number(row);
    }
  }
}

function placed(rows, { up, down }, items) {
  for (const row of rows) settle(row, items, row.map(() => 0));
  for (let sweep = 0; sweep < 2 * SWEEPS; sweep++) {
    const side = sweep % 2 === 0 ? up : down, all = sweep % 2 === 0 ? rows : [...rows].reverse();
    for (const row of all) settle(row, items, row.map((i) => straight(i, side, items)));
  }
}

/** Put a row's items as near as may be to where they want to be, in their order: between pushing right and pushing left. */
function settle(row, items, wanted) {
  const apart = row.map((i, k) => (k === 0 ? 0 : (items[row[k - 1]].width + items[i].width) / 2 + GAP));
  const right = [...wanted], left = [...wanted];
  for (let k = 1; k < row.length; k++) right[k] = Math.max(wanted[k], right[k - 1] + apart[k]);
  for (let k = row.length - 2; k >= 0; k--) left[k] = Math.min(wanted[k], left[k + 1] - apart[k + 1]);
  row.forEach((i, k) => (items[i].x = (right[k] + left[k]) / 2));
}

function pointsOf(from, through, to) {
  const middle = through.flatMap((lane) => [[lane.x, lane.from], [lane.x, lane.to]]);
  return [[from.x, from.top + from.height], ...middle, [to.x, to.top]];
}
