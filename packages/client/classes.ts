// Runs in: a client. Owns: which classes there are, and what a client needs of each.
import { block } from "@ring3/classes/block/contract";
import { recovery as blockRecovery } from "@ring3/classes/block/recovery";
import { gamepad } from "@ring3/classes/gamepad/contract";
import { recovery as gamepadRecovery } from "@ring3/classes/gamepad/recovery";
import { input } from "@ring3/classes/input/contract";
import { recovery as inputRecovery } from "@ring3/classes/input/recovery";
import type { Contract } from "@ring3/core/contract";
import type { ClientClass } from "./unit-session.ts";

/** Disks. */
export const blockClass: ClientClass<typeof block> = { contract: block, recovery: blockRecovery };

/** Game controllers. */
export const gamepadClass: ClientClass<typeof gamepad> = { contract: gamepad, recovery: gamepadRecovery };

/** Keyboards, mice, tablets. */
export const inputClass: ClientClass<typeof input> = { contract: input, recovery: inputRecovery };

/** By name, for who opens units of any class. */
export const unitClasses: Readonly<Record<string, ClientClass<Contract> | undefined>> = Object.fromEntries(
  [blockClass, gamepadClass, inputClass].map((each) => [
    each.contract.name,
    each as unknown as ClientClass<Contract>,
  ]),
);
