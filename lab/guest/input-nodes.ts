// Runs in: lab guest, in tests. Owns: nothing. What a machine's other programs see of an input device: sysfs, /proc and evtest.
import { readdirSync, readFileSync } from "node:fs";
import { EV_SYN, SYN_REPORT } from "@ring3/kernel/uinput/codes";
import { Talker } from "./talker.ts";

export type Triple = readonly [type: number, code: number, value: number];
export const REPORT: Triple = [EV_SYN, SYN_REPORT, 0];

/** As the manager finds it. */
export function nodeOf(sysname: string): string {
  const folder = readdirSync(`/sys/class/input/${sysname}`).find((name) => /^event\d+$/.test(name));
  return `/dev/input/${folder}`;
}

/** What the kernel lists of a device, line by line. */
export function listed(sysname: string): string[] {
  const all = readFileSync("/proc/bus/input/devices", "utf8").split("\n\n");
  return all.find((device) => device.includes(`/${sysname}\n`))!.split("\n");
}

/** Writes each line at once, not when a buffer is full. */
export const unbuffered = (command: string, node: string) => new Talker("stdbuf", ["-oL", command, node]);

/** Reads the device from when this resolves on. */
export async function startEvtest(node: string): Promise<Talker> {
  const evtest = unbuffered("evtest", node);
  await evtest.hears("readiness", (line) => line.startsWith("Testing") || undefined);
  return evtest;
}

/** What a line of evtest's says, if it tells of a key, an axis or a frame's end: what programs play is told to readers too. */
function eventOf(line: string): Triple | undefined {
  if (line.includes("SYN_REPORT")) return REPORT;
  const [, type, code, value] = /type ([13]) .*code (\d+) .*value (-?\d+)/.exec(line) ?? [];
  return type === undefined ? undefined : [Number(type), Number(code), Number(value)];
}

export async function events(evtest: Talker, count: number, read = eventOf): Promise<Triple[]> {
  const found: Triple[] = [];
  while (found.length < count) found.push(await evtest.hears("event", read));
  return found;
}

/** The kernel ends a frame early where programs' plays, which end none, have filled its room for one (input.c, input_event_dispose). */
export const changes = (evtest: Talker, count: number): Promise<Triple[]> =>
  events(evtest, count, (line) => {
    const event = eventOf(line);
    return event === REPORT ? undefined : event;
  });
