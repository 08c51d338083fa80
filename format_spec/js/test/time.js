// How long restoring everything takes, as pemn_time.c measures the reader in C: node time.js RUNS FILE
// Seconds of processor and of wall clock time for each run, as JSON; the first run makes the table of
// normal values, and is when an engine compiles.
import { readFileSync } from "node:fs";
import { open } from "../index.js";

const [runs, path] = process.argv.slice(2);
for (let run = 0; run < Number(runs); run++) {
  const cpu = process.cpuUsage(), wall = performance.now();
  open(readFileSync(path)).restore();
  const used = process.cpuUsage(cpu);
  console.log(JSON.stringify({ cpu: (used.user + used.system) / 1e6, wall: (performance.now() - wall) / 1e3 }));
}
