// Products of matrices in plain loops: both are packed into panels of four, and sixteen sums are kept in
// registers, in binary64. A matrix is its elements, where it starts, and its steps: { data, start, row, column }.
const WIDTH = 4;

/** Pack `count` lines of `depth` numbers into panels of four lines each, filled up with zeros. */
function packed(data, start, line, along, count, depth) {
  const panels = new Float64Array(Math.ceil(count / WIDTH) * WIDTH * depth);
  for (let i = 0; i < count; i++) {
    let to = (i - (i % WIDTH)) * depth + (i % WIDTH), from = start + i * line;
    for (let k = 0; k < depth; k++, to += WIDTH, from += along) panels[to] = data[from];
  }
  return panels;
}

/** The left matrix of products, packed once for all of them: `rows` lines of `depth`. */
export const left = (a, rows, depth) => packed(a.data, a.start, a.row, a.column, rows, depth);

/** Write a product: `out` from `at` on, in lines of `columns`, gets the packed left matrix times `b`. */
export function times(panels, b, rows, columns, depth, out, at) {
  const sums = new Float64Array(WIDTH * WIDTH), others = packed(b.data, b.start, b.column, b.row, columns, depth);
  for (let j = 0; j < columns; j += WIDTH) for (let i = 0; i < rows; i += WIDTH) {
    block(panels, i * depth, others, j * depth, depth, sums);
    const down = Math.min(WIDTH, rows - i), across = Math.min(WIDTH, columns - j);
    for (let r = 0; r < down; r++) for (let c = 0; c < across; c++) out[at + (i + r) * columns + j + c] = sums[WIDTH * r + c];
  }
}

/** Write sixteen sums: each of four lines with each of four others. */
function block(A, x, B, y, depth, sums) {
  let c00 = 0, c01 = 0, c02 = 0, c03 = 0, c10 = 0, c11 = 0, c12 = 0, c13 = 0;
  let c20 = 0, c21 = 0, c22 = 0, c23 = 0, c30 = 0, c31 = 0, c32 = 0, c33 = 0;
  for (const end = x + WIDTH * depth; x < end; x += WIDTH, y += WIDTH) {
    const a0 = A[x], a1 = A[x + 1], a2 = A[x + 2], a3 = A[x + 3];
    const b0 = B[y], b1 = B[y + 1], b2 = B[y + 2], b3 = B[y + 3];
    c00 += a0 * b0; c01 += a0 * b1; c02 += a0 * b2; c03 += a0 * b3;
    c10 += a1 * b0; c11 += a1 * b1; c12 += a1 * b2; c13 += a1 * b3;
    c20 += a2 * b0; c21 += a2 * b1; c22 += a2 * b2; c23 += a2 * b3;
    c30 += a3 * b0; c31 += a3 * b1; c32 += a3 * b2; c33 += a3 * b3;
  }
  sums[0] = c00; sums[1] = c01; sums[2] = c02; sums[3] = c03;
  sums[4] = c10; sums[5] = c11; sums[6] = c12; sums[7] = c13;
  sums[8] = c20; sums[9] = c21; sums[10] = c22; sums[11] = c23;
  sums[12] = c30; sums[13] = c31; sums[14] = c32; sums[15] = c33;
}
