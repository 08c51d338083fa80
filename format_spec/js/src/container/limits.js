// Limits of the caller (section 10.2 of SPEC.md).
import { refuse } from "../bytes/errors.js";

const DEFAULTS = { elements: 2 ** 30, restoredBytes: 2 ** 32, manifestBytes: 2 ** 22 };

/** The limits of a caller, with those of the reference reader for what is not told. */
export function readLimits(given = {}) {
  const limits = { ...DEFAULTS, ...given };
  for (const [key, value] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULTS, key)) refuse(`limits: expected ${Object.keys(DEFAULTS).join(", ")}, got ${key}`);
    if (!Number.isSafeInteger(value) || value < 0) {
      refuse(`limits.${key}: expected a whole number from 0 to 2^53 - 1, got ${value}`);
    }
  }
  return limits;
}

export function within(value, limit, what) {
  if (value > limit) refuse(`${what}: ${value} is beyond the limit of ${limit}; whoever trusts the file can raise it`);
}
