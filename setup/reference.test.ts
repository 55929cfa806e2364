// Runs in: node --test.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { allowedCalls } from "@ring3/kernel/jail/stage-driver";
import { referenceFolder, referencePages } from "./reference.ts";

const pages = referencePages();

test("docs/reference has the pages that the generator makes, and no other", () => {
  const files = readdirSync(referenceFolder).filter((file) => file !== "README.md");
  assert.deepEqual(files.toSorted(), Object.keys(pages).toSorted());
});

for (const [file, text] of Object.entries(pages))
  test(`docs/reference/${file} is what the code says; if not: sh setup/node.sh setup/reference.ts`, () => {
    assert.equal(readFileSync(new URL(file, referenceFolder), "utf8"), text);
  });

test("every call that a driver's filter lets through has a row", () => {
  for (const call of allowedCalls("standard"))
    assert.match(pages["system-calls.md"]!, new RegExp(`^\\| \`${call}\` `, "m"));
});
