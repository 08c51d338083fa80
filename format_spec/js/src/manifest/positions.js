// Positions, their predictors, and frozen elements (sections 4.1 and 4.8 of SPEC.md).
import { refuse } from "../bytes/errors.js";
import { choice, fields, hex, integer } from "./fields.js";

const CODECS = ["bitmap", "csr", "rice"];

function readPredictor(value, where, places) {
  fields(value, where, ["kind"], ["flips", "ones", "seed", "stream"]);
  const kind = choice(value.kind, `${where}.kind`, ["none", "scores"]);
  if (kind === "none") {
    fields(value, where, ["kind"]);
    return null;
  }
  fields(value, where, ["flips", "kind", "ones", "seed", "stream"]);
  return {
    kind,
    flips: integer(value.flips, `${where}.flips`, 0, places),
    ones: integer(value.ones, `${where}.ones`, 0, places),
    seed: hex(value.seed, `${where}.seed`, 16),
    stream: hex(value.stream, `${where}.stream`, 16),
  };
}

/**
 * Read the positions of a tensor or a plane.
 * @param {number} all elements that `ones` counts among
 * @param {number} frozen those of them that are frozen, of which the mask says nothing
 */
export function readPositions(value, where, { all, frozen, compact }) {
  const codec = choice(fields(value, where, ["codec", "ones"], ["bytes", "predictor"]).codec, `${where}.codec`, CODECS);
  const follows = compact && codec === "bitmap", places = all - frozen;
  fields(value, where, follows ? ["codec", "ones"] : ["bytes", "codec", "ones"], ["predictor"]);
  const size = Math.ceil(places / 8);
  const bytes = follows ? size : integer(value.bytes, `${where}.bytes`);
  if (codec === "bitmap" && bytes !== size) {
    refuse(`${where}.bytes: expected ${size} for a bitmap of ${places} bits, got ${bytes}`);
  }
  const ones = integer(value.ones, `${where}.ones`, frozen, all);
  const predictor = "predictor" in value ? readPredictor(value.predictor, `${where}.predictor`, places) : null;
  return { codec, bytes, ones, predictor };
}

/** Read what says which elements are frozen, of `all`. */
export function readFrozen(value, where, all) {
  const seeded = "seed" in fields(value, where, ["count"], ["seed", "stream"]);
  fields(value, where, seeded ? ["count", "seed", "stream"] : ["count"]);
  return {
    count: integer(value.count, `${where}.count`, 1, all - 1),
    seed: seeded ? hex(value.seed, `${where}.seed`, 16) : null,
    stream: seeded ? hex(value.stream, `${where}.stream`, 16) : null,
  };
}
