// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { admit, type Holder } from "./policy.ts";

const reader: Holder = { name: "backup (pid 7)", mode: "read" };
const writer: Holder = { name: "reflector (pid 9)", mode: "write" };
const refused = "the disk is held for writing by reflector (pid 9); it has one writer at a time";

const table: [string, Holder[], Holder, string | undefined][] = [
  ["first reader is admitted", [], reader, undefined],
  ["first writer is admitted", [], writer, undefined],
  ["reader beside readers is admitted", [reader, reader], reader, undefined],
  ["reader beside a writer is admitted", [reader, writer], reader, undefined],
  ["writer beside readers is admitted", [reader, reader], writer, undefined],
  ["second writer is refused and told who holds it", [reader, writer], { ...writer, name: "other" }, refused],
];

for (const [name, holders, wanted, expected] of table) {
  test(name, () => assert.equal(admit(holders, wanted), expected));
}
