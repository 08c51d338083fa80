// Finite state entropy (RFC 8878, section 4.1): tables, and how a frame says them.
import { refuse } from "../bytes/errors.js";

const broken = (what) => refuse(`a zstd frame: ${what}`);

const topBit = (n) => 31 - Math.clz32(n);

/** A table of states: each has a symbol, and the next one is `base` + some more `bits`. */
export function tableOf(counts, log) {
  const size = 1 << log, step = (size >> 1) + (size >> 3) + 3;
  const symbols = new Uint8Array(size), bits = new Uint8Array(size), base = new Uint16Array(size);
  const next = new Uint16Array(counts.length);
  let high = size - 1, place = 0;
  counts.forEach((count, symbol) => {
    next[symbol] = Math.abs(count);
    if (count === -1) symbols[high--] = symbol;
  });
  counts.forEach((count, symbol) => {
    for (let i = 0; i < count; i++) {
      symbols[place] = symbol;
      do place = (place + step) & (size - 1);
      while (place > high);
    }
  });
  for (let i = 0; i < size; i++) {
    const state = next[symbols[i]]++;
    bits[i] = log - topBit(state);
    base[i] = (state << bits[i]) - size;
  }
  return { log, symbols, bits, base };
}

/** The table that always gives one symbol, and takes no bits. */
export function always(symbol) {
  return { log: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), base: new Uint16Array(1) };
}

/**
 * Read a table's description at the start of some bytes.
 * @returns the table, and the number of bytes that its description takes
 */
export function readTable(bytes, mostLog, mostSymbols) {
  let at = 0;
  const read = (count) => {
    let value = 0;
    for (let i = 0; i < count; i++, at++) {
      if (at >> 3 >= bytes.length) broken("a table is cut short");
      value |= ((bytes[at >> 3] >> (at & 7)) & 1) << i;
    }
    return value;
  };
  const log = read(4) + 5, counts = [];
  if (log > mostLog) broken("a table is larger than it may be");
  let left = 1 << log;
  while (left > 0) {
    const count = topBit(left + 1) + 1, low = (1 << (count - 1)) - 1;
    const short = (1 << count) - 1 - (left + 1); // so many values take a bit less
    let value = read(count);
    if ((value & low) < short) {
      at--;
      value &= low;
    } else if (value > low) value -= short;
    counts.push(value - 1);
    left -= Math.abs(value - 1);
    for (let more = value === 1 ? 3 : 0; more === 3; ) {
      more = read(2);
      for (let i = 0; i < more; i++) counts.push(0);
      if (counts.length > mostSymbols) break;
    }
    if (left < 0 || counts.length > mostSymbols) broken("a table has more than it may have");
  }
  return { table: tableOf(counts, log), size: (at + 7) >> 3 };
}
