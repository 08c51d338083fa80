// Reads .pemn archives of versions 1.0 and 1.1, as ../SPEC.md says. README.md has an example.
export { PemnError } from "./src/bytes/errors.js";
export { open } from "./src/container/archive.js";
export { graph } from "./src/run/interpreter.js";
export { missing } from "./src/run/interpreter.js";
export { program } from "./src/run/interpreter.js";
export { run } from "./src/run/interpreter.js";
