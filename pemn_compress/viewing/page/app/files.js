// What a file is, by its first bytes, its name and its kind.
const MAGIC = {
  archive: [[0x89, 0x50, 0x45, 0x4d, 0x4e]],
  array: [[0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]],
  picture: [[0x89, 0x50, 0x4e, 0x47], [0xff, 0xd8, 0xff], [0x47, 0x49, 0x46, 0x38], [0x42, 0x4d]],
  zip: [[0x50, 0x4b, 3, 4], [0x50, 0x4b, 5, 6]],
};
const AT_RIFF = [0x57, 0x45, 0x42, 0x50]; // WebP: behind RIFF and a length

const begins = (bytes, magic, start = 0) => magic.every((byte, i) => bytes[start + i] === byte);

/** One of empty, archive, array, picture, record, zip, other. */
export function kindOf(file, data) {
  if (data.byteLength === 0) return "empty";
  const bytes = new Uint8Array(data, 0, Math.min(16, data.byteLength));
  for (const [kind, all] of Object.entries(MAGIC)) if (all.some((magic) => begins(bytes, magic))) return kind;
  if (file.type.startsWith("image/") || begins(bytes, AT_RIFF, 8)) return "picture";
  if (file.name.endsWith(".npy")) return "array";
  return file.name.endsWith(".json") ? "record" : "other";
}

/** What is wrong with a file that is opened here in no way. */
export const UNKNOWN = {
  empty: "it is an empty file",
  zip: "it is a ZIP file, as PyTorch's checkpoints and .npz are, and no .pemn archive",
  other: "it is no .pemn archive: its first bytes are not those of one",
};

/** A part of a page, in base64, as bytes. */
export function bytesOf(base64) {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes.buffer;
}
