// As in a browser: without Node's own hash, which is found when the modules are loaded.
import { defineSuite } from "./suite.js";

process.getBuiltinModule = undefined;
defineSuite(await import("../index.js"), "without Node's hash");
