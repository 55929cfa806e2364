// Runs in: tests. Owns: a simulated pad, keyboard or mouse as a process of its own, and the hands that hold it.
import { fileURLToPath } from "node:url";
import type { GamepadButton } from "@ring3/classes/gamepad/contract";
import type { Contract, EventData, EventName, UnitPort } from "@ring3/core/contract";
import type { Driver } from "../define.ts";
import { type RunningDriver, runDriver } from "./run-driver.ts";
import { type SimulatedUsb, simulateUsb } from "./simulated-usb.ts";

const sims = fileURLToPath(new URL("../../../sims/", import.meta.url));

export const simulatePad = (model: string): Promise<SimulatedUsb> =>
  simulateUsb(`${sims}gamepad/main.ts`, ["--model", model]);

export const simulateKeyboard = (model: string): Promise<SimulatedUsb> =>
  simulateUsb(`${sims}keyboard/main.ts`, ["--model", model]);

async function say(sim: SimulatedUsb, line: string): Promise<void> {
  const answer = await sim.command(line);
  if (answer.ok !== true) throw new Error(`${line}: ${answer.error}`);
}

const word = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** `names`: what the sim calls a button, where that is not the class's word for it. */
export function padHands(sim: SimulatedUsb, names: { readonly [B in GamepadButton]?: string } = {}) {
  type Pair = readonly [number, number];
  const verbs = {
    left: ([x, y]: Pair) => `left ${x} ${y}`,
    right: ([x, y]: Pair) => `right ${x} ${y}`,
    leftTrigger: (way: number) => `left-trigger ${way}`,
    rightTrigger: (way: number) => `right-trigger ${way}`,
    hat: ([x, y]: Pair) =>
      `hat ${[["up", "", "down"][y + 1], ["left", "", "right"][x + 1]].filter(Boolean).join("-")}`,
    touch: ([x, y]: Pair) => `touch 0 ${x} ${y}`,
  };
  type Movement = { readonly [K in keyof typeof verbs]?: Parameters<(typeof verbs)[K]>[0] };
  return {
    press: (button: GamepadButton) => say(sim, `press ${names[button] ?? word(button)}`),
    release: () => say(sim, "release all"),
    async move(to: Movement) {
      for (const [what, where] of Object.entries(to))
        await say(sim, verbs[what as keyof typeof verbs](where as never));
    },
  };
}

export interface SimulatedKey {
  /** Linux's. */
  readonly code: number;
  /** As the sim's commands have it: "key a", "button left". */
  readonly name: string;
}

// Codes: linux/input-event-codes.h
export const keyboardKeys: readonly SimulatedKey[] = [
  { code: 30, name: "key a" },
  { code: 2, name: "key 1" },
  { code: 42, name: "key leftshift" },
  { code: 28, name: "key enter" },
];
export const mouseButtons: readonly SimulatedKey[] = [
  { code: 0x110, name: "button left" },
  { code: 0x111, name: "button right" },
  { code: 0x112, name: "button middle" },
];

export function keyHands(sim: SimulatedUsb, keys: readonly SimulatedKey[]) {
  const named = (code: number) => keys.find((key) => key.code === code)!.name;
  return {
    keys: keys.map(({ code }) => code),
    press: (code: number) => say(sim, `${named(code)} down`),
    release: (code: number) => say(sim, `${named(code)} up`),
    move: (x: number, y: number) => say(sim, `move ${x} ${y}`),
    turn: (notches: number) => say(sim, `wheel ${notches}`),
  };
}

/** One unit of a driver that is run in this process on a simulated device, over its deaths. */
export async function nearUnit<C extends Contract>(
  sim: SimulatedUsb,
  driver: Driver<C>,
  interfaceNumber = 0,
) {
  let incarnation = 0;
  let running: RunningDriver<C>;
  let port: UnitPort<C>;
  const start = async () => {
    const usb = { ...(await sim.attach()), interfaceNumber };
    const kept = running === undefined ? {} : { state: running.state };
    running = await runDriver(driver, { usb, incarnation: ++incarnation, ...kept });
    port = retold(running);
  };
  await start();
  return {
    open: async () => ({ port, close: async () => {} }),
    suspend: () => running.suspend(),
    resume: () => running.resume(),
    /** Its device is taken from it, as by the next one's import. */
    async kill() {
      const dead = running;
      await start();
      await dead.remove();
    },
    async close() {
      await running.remove();
      await sim[Symbol.asyncDispose]();
    },
  };
}

/** Its first unit. Whoever comes later is told the last of each sticky event, as by a host. */
function retold<C extends Contract>({ units: [port], told }: RunningDriver<C>): UnitPort<C> {
  return Object.create(port!, {
    on: {
      value: <E extends EventName<C>>(name: E, listener: (data: EventData<C, E>) => void) => {
        const stop = port!.on(name, listener);
        const last = told.get(`0 ${name}`);
        if (port!.contract.events[name]!.sticky && last !== undefined) listener(last as EventData<C, E>);
        return stop;
      },
    },
  });
}
