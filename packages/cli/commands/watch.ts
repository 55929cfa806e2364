// Runs in: CLI. Owns: what a device says, shown as it says it. It reads as any application does, and asks the driver nothing.
import { type ClientClass, connect, type UnitInfo, unitClasses } from "@ring3/client";
import { resolveDevice } from "@ring3/control/selector";
import { sentence } from "@ring3/control/sentence";
import type { DeviceStatus } from "@ring3/control/status";
import { withoutKindText } from "@ring3/control/wire";
import type { Contract } from "@ring3/core/contract";
import type { DeviceError } from "@ring3/core/errors";
import type { Command } from "../command.ts";
import { askedToEnd } from "../lines.ts";
import type { Ring3 } from "../ring3.ts";
import { pictureOf } from "../watch/classes.ts";
import { EventLines } from "../watch/event-lines.ts";
import { LiveView } from "../watch/live-view.ts";
import { WatchedUnit } from "../watch/watched-unit.ts";

/** While it is in one of these its units have a driver. */
const driven: readonly DeviceStatus["state"][] = ["running", "suspended"];

export default {
  summary: "shows what a device says, as it says it: sticks, buttons, keys, moves",
  usage: "DEVICE",
  options: {},
  words: [1, 1],
  details: `On a terminal a picture of each of its units. Otherwise, and with --json, a line an event: {"unit", "event", "data", "timestampUs"}; and a line where a driver dies or
is there again: {"unit", "driver": "down" or "up", "timestampUs"}. Times are CLOCK_MONOTONIC: the event's own, or when it was read.
Ctrl-C ends it with 0. It ends with 1 when there is nothing more to watch, since the device was unplugged or stopped.`,
  async run(ring3, { words: [wanted] }) {
    const asked = askedToEnd().then(() => undefined);
    const device = await deviceOf(ring3, wanted!);
    const end = await watched(ring3, device, asked);
    if (end === undefined) return 0;
    throw sentence(end.kind, `there is nothing more to watch: ${withoutKindText(end)}`);
  },
} satisfies Command;

/** Resolves with what has ended it; undefined: `asked`. */
async function watched(
  ring3: Ring3,
  { id, state }: DeviceStatus,
  asked: Promise<undefined>,
): Promise<DeviceError | undefined> {
  let changed = (_: UnitInfo) => {};
  using client = await connect({ stateDir: ring3.directory, changed: (info) => changed(info) });
  const units = client.units
    .filter(({ device }) => device === id)
    .map((info) => ({ info, unitClass: classOf(info) }));
  if (units.length === 0)
    throw sentence("invalid", `${id} is ${state} and has no unit now; "ring3 explain ${id}" says more`);
  const live = ring3.out.isTTY === true && !ring3.json;
  using view = live ? new LiveView(ring3, driven.includes(state)) : new EventLines(ring3);
  changed = (info) => view.changed(info);
  const opened = await Promise.all(
    units.map(({ info, unitClass }) => {
      const told = view.of(info, pictureOf(unitClass.contract, info.properties));
      return WatchedUnit.open(client, info.unit, unitClass, told);
    }),
  );
  const over = Promise.all(opened.map((unit) => unit.over)).then(([end]) => end);
  const end = await Promise.race([asked, over]);
  await Promise.all(opened.map((unit) => unit.close()));
  return end;
}

/** Only its user's: who may read some devices knows of those. */
async function deviceOf(ring3: Ring3, wanted: string): Promise<DeviceStatus> {
  const manager = ring3.connect();
  try {
    return resolveDevice(wanted, (await manager.ask("status", {})).devices);
  } finally {
    manager.disconnect();
  }
}

function classOf({ unit, class: name }: UnitInfo): ClientClass<Contract> {
  const found = unitClasses[name];
  if (found !== undefined) return found;
  throw sentence("unsupported", `${unit} is of the class "${name}", which this command line does not know`);
}
