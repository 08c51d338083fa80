// Columns of the compact form (section 3.6 of SPEC.md), made into records.
import { refuse } from "../bytes/errors.js";
import { array, fields, integer, name } from "./fields.js";

const NEEDED = ["dtype", "shape", "values"], OPTIONAL = ["frozen", "positions", "sha256"];

function readNames(column, where) {
  const names = [];
  let parts = [];
  for (let i = 0; i < column.length; i += 2) {
    const kept = integer(column[i], `${where}[${i}]`, 0, parts.length), rest = name(column[i + 1], `${where}[${i + 1}]`);
    parts = [...parts.slice(0, kept), ...rest.split(".")];
    names.push(name(parts.join("."), `${where}[${i + 1}]`));
  }
  return names;
}

/** Return tensor records as they are outside the compact form. */
export function recordsOf(value, most) {
  const columns = fields(value, "tensors", [...NEEDED, "name"], OPTIONAL);
  for (const key in columns) array(columns[key], `tensors.${key}`, key === "name" ? 2 * most : most);
  const count = columns.dtype.length;
  for (const key in columns) {
    const expected = key === "name" ? 2 * count : count;
    if (columns[key].length !== expected) {
      refuse(`tensors.${key}: expected ${expected} items, got ${columns[key].length}`);
    }
  }
  return readNames(columns.name, "tensors.name").map((own, i) => {
    const record = Object.create(null);
    record.name = own;
    for (const key of NEEDED) record[key] = columns[key][i];
    for (const key of OPTIONAL) if (key in columns && columns[key][i] !== null) record[key] = columns[key][i];
    return record;
  });
}
