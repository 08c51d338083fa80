// The nodes of a graph as blocks by the names of modules, which the names of their tensors tell.
const isSize = (operator) => operator.startsWith("size.") || operator.startsWith("sym_size");

function common(a, b) {
  let length = 0;
  while (length < Math.min(a.length, b.length) && a[length] === b[length]) length++;
  return a.slice(0, length);
}

/** What each node takes: the nodes before it, inputs, and names of tensors; those that compute sizes are left out. */
export function takenOf(graph) {
  const { inputs, tensors, constants, nodes } = graph, first = inputs.length + tensors.length + constants.length;
  return nodes.map(({ operator, args }) => {
    const used = [...new Set(LISTING.refs(args))];
    return {
      operator, skipped: isSize(operator),
      nodes: used.filter((ref) => ref >= first && !isSize(nodes[ref - first].operator)).map((ref) => ref - first),
      inputs: used.filter((ref) => ref < inputs.length),
      tensors: used.filter((ref) => ref >= inputs.length && ref < inputs.length + tensors.length).map((ref) => tensors[ref - inputs.length]),
    };
  });
}

/**
 * The module of each node: that of its tensors, or the one around what it works on; around what was
 * computed last where it goes back to something older, as a shortcut without weights does.
 */
function pathsOf(taken) {
  const paths = [], owned = taken.map((one) => one.tensors.length > 0);
  let previous = -1, own = -1; // the node before, and the last one with tensors
  taken.forEach(({ tensors, nodes, skipped }, i) => {
    const anchors = nodes.filter((k) => owned[k]), last = Math.max(...nodes), latest = last === previous || own < last ? last : own;
    if (owned[i]) paths.push(tensors.map((name) => name.split(".").slice(0, -1)).reduce(common));
    else if (latest < 0) paths.push([]);
    else {
      const around = owned[latest] ? paths[latest].slice(0, -1) : paths[latest];
      const meet = anchors.length > 1 ? anchors.map((k) => paths[k]).reduce(common) : [];
      paths.push(meet.length > 0 && meet.length < around.length ? meet : around);
    }
    if (!skipped) previous = i;
    if (owned[i]) own = i;
  });
  let next = null;
  const after = paths.map(() => null), before = [];
  for (let i = paths.length - 1; i >= 0; i--) {
    after[i] = next;
    if (owned[i]) next = paths[i];
  }
  paths.forEach((path, i) => {
    before.push(i === 0 ? null : owned[i - 1] ? paths[i - 1] : before[i - 1]);
    if (owned[i] || before[i] === null || after[i] === null) return;
    const inside = common(before[i], after[i]);
    if (inside.length > path.length) paths[i] = inside;
  });
  return paths;
}

/**
 * The tree of a graph: blocks { name, parts, nodes, key } and nodes { node, name }. A block is a run of nodes
 * that follow each other, so that no edge leads out of it and back.
 */
export function treeOf(taken) {
  const paths = pathsOf(taken), all = taken.map((_, i) => i).filter((i) => !taken[i].skipped);
  return { name: "", key: "", nodes: all, parts: partsOf(all, paths, 0) };
}

function partsOf(nodes, paths, depth) {
  const parts = [];
  for (let start = 0, end; start < nodes.length; start = end) {
    const own = paths[nodes[start]][depth];
    end = start + 1;
    if (own !== undefined) while (end < nodes.length && paths[nodes[end]][depth] === own) end++;
    parts.push(partOf(nodes.slice(start, end), paths, depth));
  }
  return parts;
}

function partOf(nodes, paths, depth) {
  const [first] = nodes, path = paths[first];
  if (nodes.length === 1) return { node: first, name: path.join("."), nodes };
  let deep = depth + 1; // a module around another one, and nothing else, is no block of its own
  while (nodes.every((i) => paths[i].length > deep && paths[i][deep] === path[deep])) deep++;
  return { name: path.slice(0, deep).join("."), key: `${first} ${deep}`, nodes, parts: partsOf(nodes, paths, deep) };
}

export const isBlock = (part) => part.parts !== undefined;

/** How many boxes a tree has, with some blocks open. */
export const boxesOf = (tree, open) =>
  tree.parts.reduce((sum, part) => sum + (isBlock(part) && open.has(part.key) ? boxesOf(part, open) : 1), 0);

/** The keys of all blocks down to a depth. */
export function keysOf(tree, depth = Infinity) {
  if (depth <= 0) return [];
  return tree.parts.filter(isBlock).flatMap((part) => [part.key, ...keysOf(part, depth - 1)]);
}

/** Blocks that are open at first: level by level, as long as there are few boxes. */
export function openAtFirst(tree, few) {
  let open = new Set();
  for (let depth = 1; ; depth++) {
    const more = new Set(keysOf(tree, depth));
    if (more.size === open.size || boxesOf(tree, more) > few) return open;
    open = more;
  }
}
