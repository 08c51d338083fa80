// The codec `csr` (section 7.2 of SPEC.md).
import { refuse } from "../bytes/errors.js";
import { unsigned } from "../bytes/numbers.js";

const widthOf = (most) => (most < 256 ? 1 : most < 65536 ? 2 : most < 2 ** 32 ? 4 : 8);

/** Select the elements of a payload in a mask of zeros, and return how many they are. */
export function readCsr(payload, mask, { ones, shape, where }) {
  const rows = shape.length < 2 ? 1 : shape[0], columns = mask.length / rows;
  const pointer = widthOf(ones), index = widthOf(columns - 1);
  const size = (rows + 1) * pointer + ones * index;
  if (payload.length !== size) refuse(`${where}: expected ${size} bytes of csr, got ${payload.length}`);
  if (unsigned(payload, 0, pointer) !== 0) refuse(`${where}: the first pointer of csr is not 0`);
  let at = (rows + 1) * pointer, done = 0;
  for (let row = 0; row < rows; row++) {
    const end = unsigned(payload, (row + 1) * pointer, pointer);
    if (end < done || end > ones) refuse(`${where}: the pointers of csr do not ascend to ${ones}`);
    let before = -1;
    for (; done < end; done++, at += index) {
      const column = unsigned(payload, at, index);
      if (column <= before || column >= columns) {
        refuse(`${where}: the indices of row ${row} of csr do not ascend below ${columns}`);
      }
      mask[row * columns + column] = 1;
      before = column;
    }
  }
  if (done !== ones) refuse(`${where}: the last pointer of csr is ${done}, expected ${ones}`);
  return done;
}
