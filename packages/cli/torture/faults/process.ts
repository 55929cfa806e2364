// Runs in: CLI. Owns: nothing. Signals to the driver's process, and the deaths of ring3's own processes.
import type { Fault, Scene } from "../fault.ts";

const signalled = (name: string, signal: NodeJS.Signals, cards: number, ends: Fault["ends"]): Fault => ({
  name,
  group: "process",
  cards,
  ends: ends!,
  strike: (scene: Scene) => scene.signal(signal),
});

export const processFaults: readonly Fault[] = [
  signalled("sigkill", "SIGKILL", 8, ["crash"]),
  signalled("sigterm", "SIGTERM", 2, ["crash"]),
  signalled("sigsegv", "SIGSEGV", 2, ["crash"]),
  signalled("sigstop", "SIGSTOP", 2, ["hang"]),
  {
    name: "sigkill-twice",
    group: "process",
    cards: 1,
    ends: ["crash"],
    async strike(scene) {
      await scene.signal("SIGKILL");
      await scene.sleep(scene.random() * 100);
      await scene.signal("SIGKILL");
    },
  },
  {
    name: "reflector-killed",
    group: "supervisors",
    cards: 1,
    doors: ["nbd"],
    mayFail: ["disconnected"],
    reopens: true,
    strike: (scene) => scene.killReflector(),
  },
  {
    name: "manager-killed",
    group: "supervisors",
    cards: 1,
    strike: (scene) => scene.killManager(),
  },
  {
    name: "manager-and-driver-killed",
    group: "supervisors",
    cards: 1,
    ends: ["crash", "maybe"], // nobody may be there to tell of it
    async strike(scene) {
      const killed = scene.killManager();
      await scene.signal("SIGKILL");
      await killed;
    },
  },
];
