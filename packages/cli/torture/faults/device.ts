// Runs in: CLI. Owns: nothing. What a device does: sims/usb-drive has it by these names.
import { integer, pick } from "@ring3/core/chance";
import { VOLLEY_MIN } from "../disk.ts";
import type { Fault, Scene } from "../fault.ts";

const AWAY_MS = 100;
const SLOW_MS = 20;

/** One of the next commands meets it, and there are as many requests; the driver deals with it. */
const met = (name: string, cards: number, more: Partial<Fault> = {}): Fault => ({
  name,
  group: "device",
  cards,
  arm: (scene: Scene) => scene.say(`fault ${name}@${integer(scene.random, VOLLEY_MIN)}`),
  mend: (scene: Scene) => scene.say("fault clear"),
  ...more,
});

/** What the requests that were under way must survive, but for what the cache held. */
const away = { losesPower: true, ends: ["crash", "maybe"] } as const;
const replug = async (scene: Scene) => {
  await scene.say("unplug");
  await scene.say("plug");
};

export const deviceFaults: readonly Fault[] = [
  met("stall-command", 60),
  met("stall-data", 60),
  met("stall-status", 60),
  met("wrong-tag", 60),
  met("bad-signature", 50),
  met("short-data", 50),
  met("phase-error", 50),
  met("residue-lie", 50),
  met("write-protect-error", 20, { mayFail: ["read-only"] }),
  met("cut", 3, { ends: ["crash", "maybe"] }),
  met("hang", 2, { doors: ["application"], deadline: true, mayFail: ["timeout"], ends: ["hang", "maybe"] }),
  {
    name: "slow",
    group: "device",
    cards: 15,
    arm: (scene) => scene.say(`fault slow:${1 + integer(scene.random, SLOW_MS)}`),
    mend: (scene) => scene.say("fault clear"),
  },
  {
    name: "unit-attention-power-on",
    group: "device",
    cards: 15,
    losesPower: true,
    strike: (scene) => scene.say("fault unit-attention-power-on"),
  },
  {
    name: "power-loss",
    group: "device",
    cards: 1,
    ...away,
    strike: (scene) => scene.say(`fault power-loss:${integer(scene.random, AWAY_MS)}`),
  },
  {
    name: "unplugged",
    group: "device",
    cards: 1,
    ...away,
    async strike(scene) {
      await scene.say("unplug");
      await scene.sleep(integer(scene.random, AWAY_MS));
      await scene.say("plug");
    },
  },
  {
    name: "vanished",
    group: "device",
    cards: 1,
    ...away,
    arm: (scene) =>
      scene.say(`fault vanish:${integer(scene.random, AWAY_MS)}@${integer(scene.random, VOLLEY_MIN)}`),
    mend: (scene) => scene.say("fault clear"),
  },
  {
    name: "garbage-descriptors",
    group: "device",
    cards: 1,
    ...away,
    async strike(scene) {
      const styles = ["noise", "zero-length", "truncated", "endless"];
      await scene.say(`fault garbage-descriptors:${pick(scene.random, styles)}`);
      await scene.signal("SIGKILL");
      await scene.sleep(AWAY_MS);
      await replug(scene);
    },
  },
  {
    name: "another-disk",
    group: "device",
    cards: 1,
    ...away,
    reopens: true,
    mayFail: ["medium-changed", "disconnected"],
    async strike(scene) {
      await scene.say("fault other-disk");
    },
    mend: replug,
  },
];
