// Runs in: CLI. Owns: nothing. Pure: what `ring3 udev` prints, which udev takes as it is.
import type { UdevRules } from "@ring3/control/client-edge";
import { printable } from "@ring3/core/log";

/** Each rule once, below all that it is for. */
export function udevText({ user, file, reload, lacking }: UdevRules): string {
  if (lacking.length === 0) return `nothing is lacking: ${user} may open all that the drivers need`;
  const byRule = Map.groupBy(lacking, ({ rule }) => rule);
  const blocks = [...byRule].map(([rule, lacks]) =>
    [
      ...lacks.map(({ device, path }) => `# ${device === null ? "" : `${printable(device)}: `}${path}`),
      printable(rule),
    ].join("\n"),
  );
  return [`# For ${user}: put this into ${file}, then: ${reload}`, ...blocks].join("\n");
}
