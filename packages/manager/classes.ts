// Runs in: manager. Owns: which classes there are, and what the manager must know of each.

import { block, type Geometry } from "@ring3/classes/block/contract";
import { admit as admitToBlock, faultOf as faultOfDisk } from "@ring3/classes/block/policy";
import { type GamepadProperties, gamepad } from "@ring3/classes/gamepad/contract";
import { admit as admitToGamepad, faultOf as faultOfGamepad } from "@ring3/classes/gamepad/policy";
import { type InputProperties, input } from "@ring3/classes/input/contract";
import { admit as admitToInput, faultOf as faultOfInput } from "@ring3/classes/input/policy";
import type { Access, Properties } from "@ring3/control/fields";
import type { Contract } from "@ring3/core/contract";

export interface UnitHolder {
  readonly name: string;
  readonly mode: Access;
}

export interface ManagedClass {
  readonly contract: Contract;
  /** Why `wanted` may not open the unit beside `holders`; undefined: it may. */
  admit(holders: readonly UnitHolder[], wanted: UnitHolder): string | undefined;
  /** Why no unit can have these properties, which fit the contract's struct; undefined: one can. */
  faultOf(properties: Properties): string | undefined;
}

export const classes: Readonly<Record<string, ManagedClass | undefined>> = {
  block: {
    contract: block as unknown as Contract,
    admit: admitToBlock,
    faultOf: (properties) => faultOfDisk(properties as unknown as Geometry),
  },
  gamepad: {
    contract: gamepad as unknown as Contract,
    admit: admitToGamepad,
    faultOf: (properties) => faultOfGamepad(properties as unknown as GamepadProperties),
  },
  input: {
    contract: input as unknown as Contract,
    admit: admitToInput,
    faultOf: (properties) => faultOfInput(properties as unknown as InputProperties),
  },
};
