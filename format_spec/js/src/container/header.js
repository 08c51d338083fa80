// The header (section 2.1 of SPEC.md): steps 1 to 4 of section 10.1.
import { refuse } from "../bytes/errors.js";
import { isSame, isZero, u16, u32, u64 } from "../bytes/numbers.js";
import { sha256 } from "../hash/digest.js";
import { within } from "./limits.js";

export const HEADER_BYTES = 96, COMPACT = 2, PLAIN = 0;
const MAGIC = [0x89, 0x50, 0x45, 0x4d, 0x4e, 0x0d, 0x0a, 0x1a];
const MAX_SECTIONS = 64, MAX_MANIFEST_BYTES = 2 ** 26, MAX_COMPACT_BYTES = 2 ** 24, MAX_COMPACT_MANIFEST = 2 ** 20;

export function readHeader(bytes, limits) {
  if (bytes.length < MAGIC.length || !isSame(bytes.subarray(0, MAGIC.length), MAGIC)) {
    refuse("not a .pemn archive: the first 8 bytes are not its magic");
  }
  if (bytes.length < HEADER_BYTES) {
    refuse(`the archive is cut short: expected ${HEADER_BYTES} bytes of header at least, got ${bytes.length}`);
  }
  const major = u16(bytes, 8), minor = u16(bytes, 10);
  if (major !== 1 || minor > 1) {
    refuse(`version ${major}.${minor} of the format is not known here; this reader knows 1.0 and 1.1`);
  }
  const header = {
    major, minor, sections: u32(bytes, 12), length: u64(bytes, 16), elements: u64(bytes, 24), restored: u64(bytes, 32),
    stored: u32(bytes, 40), raw: u32(bytes, 44), coding: u32(bytes, 48),
  };
  const { sections, length, stored, raw, coding } = header;
  if (length !== bytes.length) refuse(`header: expected a file of ${length} bytes, got ${bytes.length}`);
  if (sections > MAX_SECTIONS) refuse(`header: expected at most ${MAX_SECTIONS} sections, got ${sections}`);
  if (coding > (minor === 0 ? 1 : COMPACT)) {
    refuse(`header: coding ${coding} of the manifest is not known in version ${major}.${minor}`);
  }
  if (stored > length - HEADER_BYTES) refuse(`header: a manifest of ${stored} bytes does not fit in the file`);
  if (raw > MAX_MANIFEST_BYTES) {
    refuse(`header: expected a manifest of at most ${MAX_MANIFEST_BYTES} bytes, got ${raw}`);
  }
  if (coding === PLAIN && stored !== raw) refuse(`header: expected a stored manifest of ${raw} bytes, got ${stored}`);
  if (coding === COMPACT && length > MAX_COMPACT_BYTES) {
    refuse(`header: expected at most ${MAX_COMPACT_BYTES} bytes in the compact form, got ${length}`);
  }
  if (coding === COMPACT && raw > MAX_COMPACT_MANIFEST) {
    refuse(`header: expected at most ${MAX_COMPACT_MANIFEST} bytes of manifest in the compact form, got ${raw}`);
  }
  if (!isZero(bytes, 52, 64)) refuse("header: reserved bytes are not 0");
  within(raw, limits.manifestBytes, "bytes of the manifest");
  within(header.elements, limits.elements, "elements");
  within(header.restored, limits.restoredBytes, "restored bytes");
  const covered = coding === COMPACT ? length : HEADER_BYTES + stored;
  const digest = sha256([bytes.subarray(0, 64), bytes.subarray(HEADER_BYTES, covered)]);
  if (!isSame(digest, bytes.subarray(64, HEADER_BYTES))) {
    refuse("header: its digest is not that of what is there: the file is damaged");
  }
  return header;
}
