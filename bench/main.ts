// Runs in: `ring3 bench`, which names the benchmarks and checks its arguments. Owns: what is told of them. Absolute figures depend on the
// machine and its other work; the ratio is what counts.
import { parseArgs } from "node:util";
import { type Benchmark, Disturbed, LabFailed, PeerMissing, resultOf, type Table } from "./benchmark.ts";
import { machine, ticks } from "./processor.ts";
import { headText, resultText, roundText, tableText } from "./report.ts";
import { figuresOfAll } from "./rounds.ts";
import { save, saveTable } from "./saved.ts";

const { values, positionals } = parseArgs({
  options: { json: { type: "boolean" }, save: { type: "boolean" }, lab: { type: "boolean" } },
  allowPositionals: true,
});
const kind = values.lab === true ? "lab" : "bench";
for (const word of positionals) {
  const { default: benchmark } = (await import(`./${word}.${kind}.ts`)) as { default: Benchmark | Table };
  const name = values.lab === true ? `${word}-lab` : word;
  try {
    if ("columns" in benchmark) {
      const { what, note } = benchmark;
      console.error(`${name}: ${what}`);
      const measured = await benchmark.measured();
      const table = { name, what, note, ...measured };
      console.log(values.json === true ? JSON.stringify(table) : tableText(name, benchmark, measured));
      if (values.save === true) saveTable(table);
      continue;
    }
    const figures = await figuresOfAll(benchmark, {
      ticks,
      begins: (pinned) => console.error(headText(name, benchmark, pinned)),
      measured: (round, unit) => console.error(roundText(round, unit)),
    });
    const result = resultOf(name, benchmark, figures);
    console.log(values.json === true ? JSON.stringify(result) : resultText(result));
    if (values.save === true) save({ ...result, machine: machine() });
  } catch (error) {
    if (![PeerMissing, Disturbed, LabFailed].some((expected) => error instanceof expected)) throw error;
    console.error(`ring3 bench ${word}: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
