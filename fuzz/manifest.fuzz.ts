// Runs in: fuzzing.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { DocumentError } from "../packages/control/document.ts";
import { type Manifest, parseManifest } from "../packages/control/manifest.ts";
import { rankDrivers } from "../packages/control/match.ts";
import { bytesOf, type Target } from "./target.ts";

const own = readFileSync(new URL("../drivers/usb-storage/driver.json", import.meta.url));
const small = {
  name: "a",
  version: "1.0.0",
  sdk: "^0.1.0",
  class: "block",
  match: [{ usb: { vendor: "0x1209", product: "0x0001", serial: "A", interface: { class: 8 } } }],
  grants: ["usb"],
  limits: { memoryMb: 64, hangMs: 1000, probeMs: 500 },
};
const device = {
  vendor: 0x1209,
  product: 1,
  serial: "A",
  deviceClass: 0,
  interfaceClass: 8,
  interfaceSubclass: 6,
  interfaceProtocol: 80,
  bus: "usb" as const,
};

export default {
  what: "driver.json, from whoever wrote a driver",
  seeds: [new Uint8Array(own), bytesOf(JSON.stringify(small)), bytesOf(JSON.stringify(small, null, 2))],
  words: [
    '"match":',
    '"usb":',
    '"limits":',
    '"sandbox": "strict"',
    "&a *a",
    "<<: ",
    "!!js",
    "- ",
    "\n\t",
    "0x10000",
    "1e99",
  ].map(bytesOf),
  run(input) {
    let manifest: Manifest;
    try {
      manifest = parseManifest(new TextDecoder().decode(input), "driver.json");
    } catch (error) {
      if (error instanceof DocumentError) assert.match(error.message, /driver\.json/);
      throw error;
    }
    assert.equal(rankDrivers(device, [manifest]).length, 1);
    return true;
  },
} satisfies Target;
