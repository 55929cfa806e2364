// Runs in: node --test. The table of what a request takes, in placement.md, is that of the figures that are kept.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { modules, type Row } from "../bench/tradeoff.lab.ts";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const { rows, machine } = JSON.parse(read("benchmarks/tradeoff-lab.json")) as {
  rows: Row[];
  machine: { kernel: string };
};
const page = read("placement.md");

const line = (what: string, cell: (row: Row) => string | number) =>
  `| ${[what, ...rows.filter(({ request }) => request === "4K read").map(cell)].join(" | ")} |`;
/** What no two runs count alike. */
const about = (count: number) => Number(count.toPrecision(2));

for (const wanted of [
  line("system calls: client, reflector, driver", ({ client, reflector, driver }) =>
    [client, reflector, driver].map(Math.round).join(", "),
  ),
  line("context switches, away from a thread of theirs or the kernel's", ({ switches }) => switches),
  line("transfers (URBs)", ({ urbs }) => urbs),
  line("calls of functions of the kernel", ({ functions }) => about(functions)),
  line("of those, in the modules between disk and wire", (row) =>
    Math.round(modules.reduce((sum, module) => sum + row[module], 0)),
  ),
])
  test(`the page has the kept figures: ${wanted}`, () => assert.ok(page.includes(`\n${wanted}\n`), wanted));

test(`the page names the kernel that they were counted on: ${machine.kernel}`, () =>
  assert.ok(page.includes(machine.kernel)));
