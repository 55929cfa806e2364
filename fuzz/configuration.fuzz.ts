// Runs in: fuzzing.
import assert from "node:assert/strict";
import { type Config, parseConfig } from "../packages/control/config.ts";
import { DocumentError } from "../packages/control/document.ts";
import { type Account, aliasOf, mayOpen, takeRuleFor } from "../packages/control/rules.ts";
import { bytesOf, type Target } from "./target.ts";

const device = { id: "usb-1-4:1.0", alias: null, usb: "0781:5583", serial: "4C53" };
const account: Account = { uid: 1000, user: "ada", gids: [1000, 6], groups: ["ada", "disk"] };

export default {
  what: "ring3.yaml, from an administrator",
  seeds: [
    "take:\n  - usb: 0781:5583\nspares: 2\n",
    "access:\n  - user: ada\n    class: block\n    mode: read\n  - gid: 6\n    usb: 0781:5583\n    mode: write\n",
    "aliases:\n  stick: { serial: 4C53 }\ndriver_paths: [/opt/drivers]\nuid_range: { first: 100000, count: 64 }\n",
    "limits:\n  replug_grace: 3s\n  time_scale: 1\n",
    "",
  ].map(bytesOf),
  words: [
    "take:",
    "access:",
    "usb: ",
    "serial: ",
    "- ",
    "\n  ",
    "&a *a",
    "<<: *a",
    "!!binary",
    "? ",
    "{}",
    "[",
    "3s",
    "|\n",
  ].map(bytesOf),
  run(input) {
    let config: Config;
    try {
      config = parseConfig(new TextDecoder().decode(input), "ring3.yaml");
    } catch (error) {
      if (error instanceof DocumentError) assert.match(error.message, /ring3\.yaml/);
      throw error;
    }
    takeRuleFor(config, device);
    aliasOf(config, device);
    mayOpen(config, account, { ...device, class: "block" }, "write");
    return true;
  },
} satisfies Target;
