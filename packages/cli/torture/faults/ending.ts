// Runs in: CLI. Owns: nothing. Faults that are meant to end in poison or quarantine.
import type { Fault } from "../fault.ts";

/** Three are poison at three, four and five failures in a row, which is where a device is in quarantine. */
const POISONS = 4;

export const endingFaults: readonly Fault[] = [
  {
    name: "poison",
    group: "endings",
    cards: 1,
    final: true,
    ends: ["crash", "maybe"],
    mend: (scene) => scene.poison(1),
  },
  {
    name: "quarantine",
    group: "endings",
    cards: 1,
    final: true,
    doors: ["nbd"],
    ends: ["crash", "maybe"],
    reopens: true,
    async mend(scene) {
      await scene.poison(POISONS);
      await scene.release();
    },
  },
];
