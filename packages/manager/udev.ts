// Runs in: manager. Owns: nothing. What its user is not allowed to open of all that its drivers need, and the udev rules that would let it.

import type { UdevRules } from "@ring3/control/client-edge";
import type { Permission } from "./bus.ts";
import type { Device } from "./device.ts";

/** Behind the rules that give devices to others (50-udev-default.rules), before those that make links (systemd's 73-seat-late.rules). */
export const RULES_FILE = "/etc/udev/rules.d/70-ring3.rules";
const RELOAD = "udevadm control --reload && udevadm trigger --settle";

const missingOf = (permissions: readonly Permission[]) => permissions.filter(({ held }) => !held);

/** Of the devices that a driver is there for. `others`: what no single device needs. */
export function udevRules(
  devices: readonly Device[],
  others: readonly Permission[],
  user: string,
  group: string,
): UdevRules {
  const lacking = [
    ...devices
      .filter(({ driver }) => driver !== undefined)
      .flatMap(({ id, bus }) => missingOf(bus.permissions()).map((lack) => ({ device: id, ...lack }))),
    ...missingOf(others).map((lack) => ({ device: null, ...lack })),
  ].map(({ device, path, rule }) => ({ device, path, rule: rule(group) }));
  return { user, group, file: RULES_FILE, reload: RELOAD, lacking };
}

/** For `ring3 explain`: a line each. */
export function missingPermissions(permissions: readonly Permission[], group: () => string): string[] {
  return missingOf(permissions).map(
    ({ path, rule, after = "" }) =>
      `permission to write ${path}: run ring3 as root, or put what "ring3 udev" prints into ${RULES_FILE}${after}: ${rule(group())}`,
  );
}
