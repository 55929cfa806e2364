// Runs in: manager. Owns: which classes there are, and what the manager must know of each.

import { block } from "@ring3/classes/block/contract";
import { admit as admitToBlock } from "@ring3/classes/block/policy";
import type { Access } from "@ring3/control/fields";
import type { Contract } from "@ring3/core/contract";

export interface UnitHolder {
  readonly name: string;
  readonly mode: Access;
}

export interface ManagedClass {
  readonly contract: Contract;
  /** Why `wanted` may not open the unit beside `holders`; undefined: it may. */
  admit(holders: readonly UnitHolder[], wanted: UnitHolder): string | undefined;
}

export const classes: Readonly<Record<string, ManagedClass | undefined>> = {
  block: { contract: block as unknown as Contract, admit: admitToBlock },
};
