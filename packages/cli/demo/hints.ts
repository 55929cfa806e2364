// Runs in: CLI. Owns: nothing. What to try while the demo runs, as commands that can be copied. Pure.
import type { DeviceStatus, Status } from "@ring3/control/status";

type Hint = readonly [command: string, meaning?: string];

const COMMAND_COLUMNS = 32;

/** `unplugs`: by class, the process that a SIGUSR2 has unplug its device, and plug it in. */
export function hintsText(
  { devices }: Status,
  directory: string,
  page: string | undefined,
  unplugs: Readonly<Record<string, number>> = {},
): string {
  const of = (name: string) => devices.find((device) => device.class === name && device.hostPid !== null);
  const hints: readonly Hint[] = [
    [`export RING3_STATE_DIR=${directory}`],
    ...watchHints(of("gamepad"), "the pad moves by itself"),
    ...watchHints(of("input"), "so does the mouse"),
    ...padHints(of("gamepad"), unplugs.gamepad),
    ...diskHints(of("block")),
    ["./ring3 status", "START counts the starts of a driver"],
    ["./ring3 logs --follow", "what happens, as it happens"],
  ];
  const lines = hints.map(([command, meaning]) =>
    meaning === undefined ? `  ${command}` : `  ${command.padEnd(COMMAND_COLUMNS - 1)} # ${meaning}`,
  );
  const open = page === undefined ? "" : `Open in a browser, and break something there:\n  ${page}\n`;
  return `${open}Try, in another terminal:\n${lines.join("\n")}`;
}

const watchHints = (device: DeviceStatus | undefined, meaning: string): Hint[] =>
  device === undefined ? [] : [[`./ring3 watch ${device.id}`, meaning]];

function padHints(pad: DeviceStatus | undefined, unplugs: number | undefined): Hint[] {
  return [
    ...(pad === undefined
      ? []
      : [[`kill -9 ${pad.hostPid}`, "the pad's driver: watch says so, goes on"] as const]),
    ...(unplugs === undefined
      ? []
      : [[`kill -USR2 ${unplugs}`, "unplugs the pad; again: plugs it in"] as const]),
  ];
}

function diskHints(disk: DeviceStatus | undefined): Hint[] {
  const endpoints = disk?.units.flatMap((unit) => unit.endpoints) ?? [];
  const address = endpoints.find(({ kind }) => kind === "nbd")?.address;
  if (disk === undefined || address === undefined) return [];
  return [
    [`DISK='${address}'`],
    ['nbdinfo "$DISK"', "what an unmodified program sees"],
    ['nbdcopy --progress "$DISK" /tmp/ring3-copy.img'],
    [`kill -9 ${disk.hostPid}`, "the disk's driver: the copy goes on"],
    [`kill -STOP ${disk.hostPid}`, "or hang it"],
  ];
}
