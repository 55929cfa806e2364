// Runs in: manager; with `--give-back` it is all that the program does. Owns: nothing. Where the note on taken HID devices lies.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "@ring3/core/clock";
import { createLog, type Log } from "@ring3/core/log";
import { TakenHid } from "./taken-hid.ts";

export function takenHidOf(stateDirectory: string, log: Log): TakenHid {
  return new TakenHid({
    file: join(stateDirectory, "taken-hid.json"),
    boot: () => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
    log,
  });
}

/** All that the keeper wants of the manager's program where no manager is left that would do it. */
export function giveBackAll(stateDirectory: string, clock: Clock): void {
  const say = ({ message }: { message: string }) => void process.stderr.write(`ring3: ${message}\n`);
  takenHidOf(stateDirectory, createLog("manager", say, clock)).giveBackAll();
}
