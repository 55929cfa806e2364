// Runs in: CLI. Owns: nothing; what the demo shows of its ring3, until it is told to end.
import type { ManagerConnection } from "@ring3/client/manager-connection";
import type { DeviceStatus, Status } from "@ring3/control/status";
import { printable } from "@ring3/core/log";
import type { Ring3 } from "../ring3.ts";
import { clear, redraw } from "../screen.ts";
import { devicesText } from "../text.ts";
import { hintsText } from "./hints.ts";

const REFRESH_MS = 500;

export interface DemoView {
  /** Its simulated devices are of these. */
  readonly classes: readonly string[];
  /** As `hintsText` has them. */
  readonly unplugs: Readonly<Record<string, number>>;
  /** Where a browser sees it all, if it does. */
  readonly page: () => string | undefined;
}

/** A table on a terminal; otherwise a line for each change, and what to try once there is a driver of each class. */
export async function show(
  ring3: Ring3,
  manager: ManagerConnection,
  { classes, unplugs, page }: DemoView,
  until: AbortSignal,
): Promise<void> {
  const { directory, out, json } = ring3;
  const live = out.isTTY === true && !json;
  const shown = new Map<string, string>();
  let hinted = false;
  let address: string | undefined;
  if (live) clear(out);
  while (!until.aborted) {
    const status = await manager.ask("status", {});
    const hints = hintsText(status, directory, page(), unplugs);
    const changed = status.devices.filter(
      (device) => isDriven(device) && shown.get(device.id) !== changeText(device),
    );
    for (const device of changed) shown.set(device.id, changeText(device));
    if (live) redraw(out, `ring3 demo: Ctrl-C ends it.\n${tableText(ring3, status)}\n\n${hints}`);
    else if (json && changed.length > 0) ring3.print(JSON.stringify(status));
    else if (!json) {
      for (const device of changed) ring3.print(changeText(device));
      const served = classes.every((name) => status.devices.some((device) => isServed(device, name)));
      if (served && !hinted) ring3.print(hints);
      else if (hinted && page() !== address) ring3.print(`Another browser: ${page()}`); // the last one is used up
      address = page();
      hinted ||= served;
    }
    await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
  }
}

/** Of a device with several interfaces only those that something is for. */
const isDriven = ({ state }: DeviceStatus): boolean => state !== "unmatched";

const tableText = (ring3: Ring3, { devices }: Status): string =>
  devicesText(devices.filter(isDriven), ring3.width, (colour, text) => ring3.paint(colour, text));

/** A disk is met at its endpoint. */
const isServed = ({ class: name, hostPid, units }: DeviceStatus, wanted: string): boolean =>
  name === wanted &&
  hostPid !== null &&
  units.some(({ endpoints }) => wanted !== "block" || endpoints.length > 0);

function changeText({ id, state, incarnation, hostPid, reason, units }: DeviceStatus): string {
  const process = hostPid === null ? "" : `, driver process ${hostPid}`;
  const why = reason === "" ? "" : `: ${printable(reason)}`;
  const addresses = units
    .flatMap(({ endpoints }) => endpoints)
    .map(({ kind, address }) => `\n  ${kind} ${printable(address)}`);
  return `${id} ${state}, start #${incarnation}${process}${why}${addresses.join("")}`;
}
