// Where sections are, and their payloads, whose digests are compared before any byte is used.
import { quote, refuse } from "../bytes/errors.js";
import { isZero, roundUp, toHex } from "../bytes/numbers.js";
import { sha256 } from "../hash/digest.js";

const ALIGNMENT = 64;

export class Sections {
  #bytes;
  #manifest;
  #checked = new Set();

  /** Lay the sections of a manifest from `end` on, and check the padding and the end of the file. */
  constructor(bytes, manifest, end, compact) {
    this.#bytes = bytes;
    this.#manifest = manifest;
    for (const section of manifest.sections.values()) {
      const start = compact ? end : roundUp(end, ALIGNMENT);
      if (start + section.bytes > bytes.length) {
        refuse(`the section ${section.name}: its ${section.bytes} bytes do not fit in the file`);
      }
      if (!isZero(bytes, end, start)) refuse(`the section ${section.name}: the padding before it is not 0`);
      section.start = start;
      end = start + section.bytes;
    }
    if (end !== bytes.length) refuse(`${bytes.length - end} bytes follow the last section`);
  }

  /** The payload of a section; no bytes for a section of payloads that have none. */
  payload(name) {
    const section = this.#manifest.sections.get(name);
    if (section === undefined) return this.#bytes.subarray(0, 0);
    const payload = this.#bytes.subarray(section.start, section.start + section.bytes);
    if (!this.#checked.has(name)) {
      if (section.sha256 !== null && toHex(sha256([payload])) !== section.sha256) {
        refuse(`the section ${quote(name)}: its digest is not that of what is there: the file is damaged`);
      }
      if (name === "dense") this.#checkGaps(payload);
      if (name === "prototype") checkFinite(payload);
      this.#checked.add(name);
    }
    return payload;
  }

  /** Bytes before aligned payloads are 0 (section 4.6). */
  #checkGaps(payload) {
    let end = 0;
    for (const { name, values } of this.#manifest.tensors) {
      if (values.kind !== "stored") continue;
      if (!isZero(payload, end, values.start)) refuse(`the section dense: the gap before ${name} is not 0`);
      end = values.start + values.bytes;
    }
  }
}

/** Stored values of a prototype are finite, whether a tensor takes them or not (section 3.4). */
function checkFinite(payload) {
  for (let at = 2; at < payload.length; at += 4) {
    if ((payload[at] & 0x80) !== 0 && (payload[at + 1] & 0x7f) === 0x7f) {
      refuse(`the section prototype: value ${(at - 2) / 4} is not finite`);
    }
  }
}
