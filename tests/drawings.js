// Drawings of random graphs, and the blocks of one; test_view.py puts the modules of the page before this, as ALL.
globalThis.LISTING = { refs: (args) => args.filter((one) => one !== null && typeof one === "object").map((one) => one.ref) };
let seed = 7;
const random = (most) => Math.floor((seed = (seed * 48271) % 2147483647) / 2147483647 * most);
const check = (is, what) => { if (!is) throw new Error(what); };
for (let turn = 0; turn < 60; turn++) {
  const count = 2 + random(40), boxes = Array.from({ length: count }, () => ({ width: 20 + random(200), height: 10 + random(60) }));
  const pairs = new Map(); // edges lead forward
  for (let k = 0; k < 2 * count; k++) {
    const b = 1 + random(count - 1), a = random(b);
    pairs.set(a + " " + b, [a, b]);
  }
  const edges = [...pairs.values()], { places, lines, width, height } = ALL.layered(boxes, edges, count - 1);
  places.forEach((one, i) => {
    const { width: w, height: h } = boxes[i];
    check(one.x > -1e-6 && one.x + w < width + 1e-6 && one.y >= 0 && one.y + h <= height, "outside");
    places.slice(0, i).forEach((other, k) => {
      const apart = one.x >= other.x + boxes[k].width || other.x >= one.x + w || one.y >= other.y + boxes[k].height || other.y >= one.y + h;
      check(apart, "one box on another");
    });
  });
  check(lines.length === edges.length, "a line for each edge");
  lines.forEach(({ from, to, points }, i) => {
    check(from === edges[i][0] && to === edges[i][1], "its ends");
    check(points.every(([, y], k) => k === 0 || y >= points[k - 1][1]), "lines lead down");
    check(points[0][1] === places[from].y + boxes[from].height && points.at(-1)[1] === places[to].y, "from box to box");
  });
}
const node = (refs, tensors = []) => ({ operator: "o", args: [...refs, ...tensors].map((ref) => ({ ref })) });
// values: 0 an input, 1 to 4 tensors, 5 on nodes: a block with a shortcut, then one more
const graph = { inputs: [{ name: "x" }], tensors: ["a.0.c.weight", "a.0.d.weight", "a.1.c.weight", "end"], constants: [], nodes: [
  node([0], [1]), node([5]), node([6], [2]), node([0]), node([7, 8]), node([9], [3]), { operator: "size.add", args: [] }, node([10]), node([12], [4]),
] };
const taken = ALL.takenOf(graph), tree = ALL.treeOf(taken);
const told = (part) => (part.parts === undefined ? part.node : [part.name, ...part.parts.map(told)]);
console.log(JSON.stringify(tree.parts.map(told)), ALL.boxesOf(tree, new Set()), [...ALL.openAtFirst(tree, 5)].length);
