// Runs in: browser. Owns: nothing; what to type in a terminal to meet a unit. Pure.
import type { UnitStatus } from "@ring3/control/status";

type Endpoint = UnitStatus["endpoints"][number];

export const commandFor = ({ kind, address }: Endpoint): string =>
  kind === "nbd" ? `nbdinfo '${address}'` : kind === "uinput" ? `evtest ${address.split(" ")[0]}` : address;

export interface Hint {
  readonly text: string;
  readonly command: string;
}

/** What ring3 itself has for it, beside its endpoints. */
export function hintsFor({ endpoints }: Pick<UnitStatus, "endpoints">, device: string): readonly Hint[] {
  if (endpoints.length === 0)
    return [
      {
        text: "Programs of this machine do not meet it, but those that use @ring3/client; in a terminal it is seen by",
        command: `ring3 watch ${device}`,
      },
    ];
  return endpoints.some(({ kind }) => kind === "uinput")
    ? [
        { text: "As it comes:", command: `ring3 watch ${device}` },
        { text: "What its buttons do, and how to change that:", command: `ring3 map ${device}` },
      ]
    : [];
}
