// Runs in: lab guest, in tests. Plugs and unplugs: asks QEMU's monitor, which is outside, through a virtio-serial port.
import { eventually } from "../../packages/cli/drivers-life.fixture.ts";
import { MONITOR_PORT, type MonitorAnswer, type MonitorRequest } from "../report.ts";
import { within } from "./patience.ts";
import { openPort, readLine, writeLine } from "./port.ts";

let last: Promise<unknown> = Promise.resolve();

/** `await qmp("device_add", { driver: "usb-storage", id: "stick", drive: "d0" })`. Rejects with QEMU's own words. */
export function qmp(command: string, args: Record<string, unknown> = {}): Promise<unknown> {
  const answer = last.then(() => ask({ command, arguments: args }));
  last = answer.catch(() => {});
  return within(answer, () => `QEMU's answer to ${command}`);
}

/** A device of QEMU's. It lets go of the disk and of the name of one that was unplugged a moment after the guest has. */
export async function plug(device: { driver: string; id: string } & Record<string, unknown>): Promise<void> {
  await eventually(`${device.id}'s release by QEMU`, () =>
    qmp("device_add", device).catch((error: Error) => {
      if (!/Permission conflict|Duplicate device/.test(error.message)) throw error;
    }),
  );
}

export async function unplug(id: string): Promise<void> {
  await qmp("device_del", { id });
}

async function ask(request: MonitorRequest): Promise<unknown> {
  const port = await openPort(MONITOR_PORT);
  try {
    await writeLine(port, request);
    const answer: MonitorAnswer = JSON.parse(await readLine(port));
    if ("error" in answer) throw new Error(`qmp ${request.command}: ${answer.error.desc}`);
    return answer.return;
  } finally {
    await port.close();
  }
}
