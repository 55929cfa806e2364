// Runs in: CLI. Owns: nothing. What to try while the demo runs, as commands that can be copied.
import type { Status } from "@ring3/control/status";

export function hintsText(status: Status, directory: string): string {
  const device = status.devices.find(({ hostPid }) => hostPid !== null);
  const address = device?.units
    .flatMap(({ endpoints }) => endpoints)
    .find(({ kind }) => kind === "nbd")?.address;
  const commands: (readonly [command: string, meaning: string] | undefined)[] = [
    address === undefined ? undefined : [`nbdinfo '${address}'`, "what an unmodified program sees"],
    address === undefined
      ? undefined
      : [`nbdcopy --progress '${address}' /tmp/ring3-copy.img`, "read the whole disk"],
    device === undefined
      ? undefined
      : [`kill -9 ${device.hostPid}`, "kill the driver meanwhile: the copy goes on"],
    device === undefined ? undefined : [`kill -STOP ${device.hostPid}`, "or hang it"],
    [`./ring3 status --state-dir ${directory}`, "the START column counts the driver's starts"],
    [`./ring3 logs --follow --state-dir ${directory}`, "what happens, as it happens"],
  ];
  const lines = commands
    .filter((entry) => entry !== undefined)
    .map(([command, meaning]) => `  # ${meaning}\n  ${command}`);
  return `Try, in another terminal:\n${lines.join("\n")}`;
}
