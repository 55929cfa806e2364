// Runs in: a sim of an input device. Owns: the faults that it shows at present.

export const faultKinds = [
  "stop-in-handshake",
  "short-reports",
  "long-reports",
  "garbage-descriptor",
  "nack",
  "no-baud-rate",
  "needs-led",
  "accessory",
] as const;
/** Those that only some models know: what copies of them do. */
const special: readonly FaultKind[] = ["nack", "no-baud-rate", "needs-led", "accessory"];
export type FaultKind = (typeof faultKinds)[number];

const LONGER = 8; // bytes

export class Faults extends Set<FaultKind> {
  /** The report as it goes out. */
  reported(report: Uint8Array): Uint8Array {
    if (this.has("short-reports")) return report.subarray(0, Math.ceil(report.length / 2));
    if (!this.has("long-reports")) return report;
    const longer = new Uint8Array(report.length + LONGER).fill(0xa5);
    longer.set(report);
    return longer;
  }
}

/** Throws what was expected and what was found. */
export function parseFault(
  kind: string,
  { handshake, faults = [] }: { readonly handshake: boolean; readonly faults?: readonly FaultKind[] },
): FaultKind {
  const found = faultKinds.find((each) => each === kind);
  if (found === undefined)
    throw new Error(
      `fault: expected clear or one of ${faultKinds.join(", ")}, found ${JSON.stringify(kind)}`,
    );
  if (found === "stop-in-handshake" && !handshake)
    throw new Error("stop-in-handshake: expected a model with a handshake, found one without");
  if (special.includes(found) && !faults.includes(found))
    throw new Error(`${found}: expected a model that knows it, found another`);
  return found;
}
