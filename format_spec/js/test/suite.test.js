import * as reader from "../index.js";
import { defineSuite } from "./suite.js";

defineSuite(reader, "as Node has it");
