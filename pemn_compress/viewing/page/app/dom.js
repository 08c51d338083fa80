// Elements of the page. What a file says comes here as text, and never as HTML.
const SVG = "http://www.w3.org/2000/svg";
const FEW = 20; // rows of a table, until more are asked for

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null));
  return node;
}

/** An element with attributes, handlers (`onclick`), and children: elements, and texts that stay texts. */
export const el = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);

export const find = (id) => document.getElementById(id);

/** Put children in the place of what an element of the page has. */
export function show(id, ...children) {
  const node = find(id);
  node.replaceChildren(...children.flat(Infinity).filter((child) => child !== null));
  return node;
}

/** A sentence; and one that says what is wrong. */
export const note = (words) => el("p", {}, words);
export const wrong = (words) => el("p", { class: "wrong" }, words);

/** A name that breaks behind its dots where it has to. */
export const dotted = (name) => el("span", {}, name.split(/(?<=\.)/).flatMap((part, i) => (i === 0 ? [part] : [el("wbr"), part])));

/** A list of names and values. */
export const facts = (rows) => el("dl", {}, rows.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));

/** A box that scrolls, with a line that says so as long as there is more than is seen. */
export function scrolling(label, content) {
  const box = el("div", { class: "scroll", role: "region", "aria-label": label }, content), hint = el("p", { class: "hint", hidden: true });
  const look = () => {
    const wide = box.scrollWidth > box.clientWidth + 1, high = box.scrollHeight > box.clientHeight + 1;
    if (wide || high) box.setAttribute("tabindex", "0");
    else box.removeAttribute("tabindex");
    hint.hidden = !wide && !high;
    hint.textContent = wide && high ? "There is more to the side and below: scroll." : wide ? "There is more to the side: scroll." : "There is more below: scroll.";
  };
  const watch = new ResizeObserver(look);
  for (const node of [box, content]) watch.observe(node);
  return [box, hint];
}

/**
 * A table whose heads sort it. A column is { head, number, wide }, a cell an element, a text, or { text, value }.
 * Of many rows the first are shown, and a button shows the others.
 */
export function table(label, columns, rows, most = FEW) {
  const body = el("tbody"), heads = columns.map(({ head, number }, i) => {
    const th = el("th", { scope: "col", class: number ? "number" : null });
    if (head !== "") th.append(el("button", { type: "button", onclick: () => sort(i, th) }, head));
    return th;
  });
  let order = rows, shown = most;
  const valueOf = (cell) => (cell instanceof Node ? cell.textContent : cell?.value ?? cell?.text ?? cell);
  const content = (cell) => (cell?.text !== undefined && !(cell instanceof Node) ? cell.text : cell);
  const more = el("button", { type: "button", class: "small more", hidden: rows.length <= most, onclick: change });
  function change() {
    shown = shown === most ? Infinity : most;
    draw();
    if (shown === most) more.scrollIntoView({ block: "nearest" });
  }
  function draw() {
    body.replaceChildren(...order.slice(0, shown).map((row) =>
      el("tr", {}, row.map((cell, i) => el("td", { class: columns[i].number ? "number" : columns[i].wide ? "wide" : null }, content(cell))))));
    more.textContent = shown === most ? `Show all ${rows.length.toLocaleString("en")} rows` : `Show the first ${most} rows`;
  }
  function sort(column, th) {
    const falling = th.getAttribute("aria-sort") === "ascending", sign = falling ? -1 : 1;
    for (const head of heads) head.removeAttribute("aria-sort");
    th.setAttribute("aria-sort", falling ? "descending" : "ascending");
    order = [...rows].sort((a, b) => sign * compare(valueOf(a[column]), valueOf(b[column])));
    draw();
  }
  draw();
  const whole = el("table", {}, el("caption", { class: "unseen" }, label), el("thead", {}, el("tr", {}, heads)), body);
  return [...scrolling(label, whole), more];
}

const asTexts = (a, b) => String(a).localeCompare(String(b), "en", { numeric: true });
const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : asTexts(a, b));
