// The sequences of a compressed block, and what they copy (RFC 8878, sections 3.1.1.3.2 and 3.1.1.4).
import { refuse } from "../bytes/errors.js";
import { u16 } from "../bytes/numbers.js";
import { Backwards } from "./bits.js";
import { always, readTable, tableOf } from "./fse.js";

const broken = (what) => refuse(`a zstd frame: ${what}`);
const repeated = (...pairs) => pairs.flatMap(([value, count]) => Array(count).fill(value));
const upTo = (count, first) => Array.from({ length: count }, (_, i) => first + i);

// of each kind of code: the most symbols and the largest log of a table, and the table that needs none
const LENGTHS = {
  symbols: 36, log: 9,
  usual: tableOf([4, 3, ...repeated([2, 11]), 1, 1, 1, ...repeated([2, 9]), 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1], 6),
};
const OFFSETS = {
  symbols: 32, log: 8,
  usual: tableOf([...repeated([1, 6], [2, 3], [1, 15], [-1, 5])], 5),
};
const MATCHES = {
  symbols: 53, log: 9,
  usual: tableOf([1, 4, 3, ...repeated([2, 6], [1, 37], [-1, 7])], 6),
};
const LENGTH_BITS = [...repeated([0, 16], [1, 4], [2, 2], [3, 2]), 4, ...upTo(11, 6)];
const MATCH_BITS = [...repeated([0, 32], [1, 4], [2, 2], [3, 2], [4, 2]), 5, ...upTo(10, 7)];

/** The least length of each code: that of the code before it, and all that its bits can add. */
function bases(bits, first) {
  const found = [first];
  for (let i = 1; i < bits.length; i++) found.push(found[i - 1] + 2 ** bits[i - 1]);
  return found;
}
const LENGTH_BASE = bases(LENGTH_BITS, 0), MATCH_BASE = bases(MATCH_BITS, 3);

/** The tables of a block: the usual ones, one symbol, one that is told, or that of the block before. */
function readTables(bytes, at, frame) {
  if (at >= bytes.length) broken("sequences are cut short");
  const modes = bytes[at++];
  if ((modes & 3) !== 0) broken("the modes of sequences have a reserved bit");
  [LENGTHS, OFFSETS, MATCHES].forEach((kind, i) => {
    const mode = (modes >> (6 - 2 * i)) & 3;
    if (mode === 0) frame.tables[i] = kind.usual;
    else if (mode === 1) {
      if (at >= bytes.length || bytes[at] >= kind.symbols) broken("a code of sequences is not known");
      frame.tables[i] = always(bytes[at++]);
    } else if (mode === 2) {
      const read = readTable(bytes.subarray(at), kind.log, kind.symbols);
      frame.tables[i] = read.table;
      at += read.size;
    } else if (frame.tables[i] === null) broken("sequences take a table that is not there");
  });
  return at;
}

/** How far back a match is, and what the last three were. */
function distance(value, length, last) {
  if (value > 3) {
    last.copyWithin(1, 0, 2);
    last[0] = value - 3;
    return last[0];
  }
  const which = value - 1 + (length === 0 ? 1 : 0);
  const found = which === 3 ? last[0] - 1 : last[which];
  if (which > 1) last[2] = last[1];
  if (which > 0) last[1] = last[0];
  last[0] = found;
  return found;
}

function readCount(bytes, at) {
  const first = bytes[at];
  if (first < 128) return { count: first, at: at + 1 };
  if (first < 255) return { count: ((first - 128) << 8) + bytes[at + 1], at: at + 2 };
  return { count: u16(bytes, at + 1) + 0x7f00, at: at + 3 };
}

/**
 * Carry out the sequences at `at` of a block: copy literals and matches to `out` from `to` on.
 * @returns the end of what is written, at most `end`
 */
export function copySequences(bytes, start, literals, frame, out, to, end) {
  if (start >= bytes.length) broken("sequences are cut short");
  let { count, at } = readCount(bytes, start), used = 0;
  if (at > bytes.length) broken("sequences are cut short");
  if (count === 0 && at < bytes.length) broken("bytes follow the sequences");
  if (count > 0) {
    at = readTables(bytes, at, frame);
    const [lengths, offsets, matches] = frame.tables, stream = new Backwards(bytes.subarray(at));
    let a = stream.read(lengths.log), b = stream.read(offsets.log), c = stream.read(matches.log);
    for (; count > 0; count--) {
      const code = offsets.symbols[b], match = matches.symbols[c], own = lengths.symbols[a];
      const value = 2 ** code + stream.readLong(code);
      const size = MATCH_BASE[match] + stream.read(MATCH_BITS[match]);
      const length = LENGTH_BASE[own] + stream.read(LENGTH_BITS[own]);
      if (count > 1) {
        a = lengths.base[a] + stream.read(lengths.bits[a]);
        c = matches.base[c] + stream.read(matches.bits[c]);
        b = offsets.base[b] + stream.read(offsets.bits[b]);
      }
      if (stream.missing > 0) broken("sequences are cut short");
      if (length > literals.length - used) broken("sequences take more literals than there are");
      if (length + size > end - to) broken("a block has more than it may have");
      for (let i = 0; i < length; i++) out[to++] = literals[used++];
      const back = distance(value, length, frame.last);
      if (back < 1 || back > to) broken("a match reaches back before the beginning");
      if (back >= size) out.copyWithin(to, to - back, to - back + size);
      else for (let i = 0; i < size; i++) out[to + i] = out[to + i - back];
      to += size;
    }
    if (stream.missing !== 0) broken("bits follow the sequences");
  }
  const rest = literals.length - used;
  if (rest > end - to) broken("a block has more than it may have");
  out.set(literals.subarray(used), to);
  return to + rest;
}
