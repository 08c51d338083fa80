
"use strict";
// A click on a column's head sorts its table: numbers by value, texts by letter, blanks last.
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent || "*";
    if (!head.textContent) button.setAttribute("aria-label", "front");
    head.textContent = "";
    head.append(button);
    button.addEventListener("click", () => sort(table, heads, column));
  });
}
function sort(table, heads, column) {
  const falling = heads[column].getAttribute("aria-sort") === "ascending";
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[column].setAttribute("aria-sort", falling ? "descending" : "ascending");
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row, place) => ({ row, place, cell: row.cells[column] }));
  rows.sort((a, b) => order(a.cell, b.cell, falling ? -1 : 1) || a.place - b.place);
  body.append(...rows.map((one) => one.row));
}
function order(a, b, sign) {
  const blank = (cell) => cell.textContent === "" || cell.textContent === "-";
  if (blank(a) || blank(b)) return blank(a) - blank(b);
  const [x, y] = [a.dataset.v, b.dataset.v];
  if (x !== undefined && y !== undefined) return sign * (x - y);
  if (x !== undefined || y !== undefined) return x === undefined ? 1 : -1;
  return sign * a.textContent.localeCompare(b.textContent, "en", { numeric: true });
}
