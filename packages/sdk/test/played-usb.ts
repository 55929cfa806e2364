// Runs in: tests. Owns: a USB device that answers as its test tells it to, in whatever order it is asked.
import { ownMemory } from "@ring3/kernel/usb/memory";
import { cancelled, EPIPE, EPROTO, gone, outcome } from "@ring3/kernel/usb/outcome";
import type { Outcome, Setup, UsbTransport } from "@ring3/kernel/usb/transport";

/** What comes of a transfer: the bytes of one that is IN, or how it ends. "hang": it waits until it is taken back. A promise: so does it, or is answered before. */
export type Answered = Uint8Array | "ok" | "stall" | "error" | "hang" | Promise<Uint8Array | "ok" | "stall">;

export interface Behaviour {
  /** `data`: of an OUT transfer. Without it the device stalls. */
  control?(setup: Setup, data: Uint8Array): Answered;
  /** Interrupt or bulk; `endpoint` without its direction. Without it all is taken. */
  out?(data: Uint8Array, endpoint: number): Answered;
}

export interface PlayedUsb extends UsbTransport {
  /** What it was asked, oldest first: control transfers and what went OUT; "21 09 0200 0003: 01ff", "out 03: 01ff". */
  readonly heard: string[];
  /** From an IN endpoint (without its direction), each one transfer. Resolves once the driver has heard them. */
  send(endpoint: number, ...answers: (Uint8Array | "stall" | "error")[]): Promise<void>;
  unplug(): Promise<void>;
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const hex = (number: number, digits: number): string => number.toString(16).padStart(digits, "0");
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

interface Pipe {
  readonly waiting: ((answer: Answered) => void)[];
  readonly unsent: Answered[];
}

export function playedUsb(behaviour: Behaviour = {}): PlayedUsb {
  const heard: string[] = [];
  const pipes = new Map<number, Pipe>();
  const away = Promise.withResolvers<void>();
  let isGone = false;

  const pipeOf = (endpoint: number): Pipe => {
    const pipe = pipes.get(endpoint) ?? { waiting: [], unsent: [] };
    pipes.set(endpoint, pipe);
    return pipe;
  };

  function ended(answer: Answered, data: Uint8Array, isIn: boolean, signal?: AbortSignal): Promise<Outcome> {
    if (isGone) return Promise.resolve(gone());
    if (answer === "hang") return takenBack(signal);
    if (answer instanceof Promise)
      return Promise.race([answer.then((now) => ended(now, data, isIn, signal)), takenBack(signal)]);
    if (answer === "stall") return Promise.resolve(outcome(EPIPE));
    if (answer === "error") return Promise.resolve(outcome(EPROTO));
    if (answer === "ok" || !isIn) return Promise.resolve(outcome(0, data.length));
    data.set(answer.subarray(0, data.length));
    return Promise.resolve(outcome(0, Math.min(answer.length, data.length)));
  }

  function takenBack(signal: AbortSignal | undefined): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    if (signal?.aborted) resolve(cancelled());
    signal?.addEventListener("abort", () => resolve(cancelled()), { once: true });
    void away.promise.then(() => resolve(gone()));
    return promise;
  }

  async function received(endpoint: number, data: Uint8Array, signal?: AbortSignal): Promise<Outcome> {
    const { waiting, unsent } = pipeOf(endpoint);
    if (unsent.length > 0) return await ended(unsent.shift()!, data, true, signal);
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const answer = (sent: Answered): void => resolve(ended(sent, data, true, signal));
    waiting.push(answer);
    void takenBack(signal).then((back) => {
      if (waiting.includes(answer)) waiting.splice(waiting.indexOf(answer), 1);
      resolve(back);
    });
    return await promise;
  }

  return {
    heard,
    control(setup, data, signal) {
      const { requestType, request, value, index } = setup;
      const isIn = (requestType & 0x80) !== 0;
      const asked = `${hex(requestType, 2)} ${hex(request, 2)} ${hex(value, 4)} ${hex(index, 4)}`;
      heard.push(isIn || data.length === 0 ? asked : `${asked}: ${text(data)}`);
      return ended(behaviour.control?.(setup, data) ?? "stall", data, isIn, signal);
    },
    transfer(_, address, data, signal) {
      const endpoint = address & 0x0f;
      if ((address & 0x80) !== 0) return received(endpoint, data, signal);
      heard.push(`out ${hex(endpoint, 2)}: ${text(data)}`);
      return ended(behaviour.out?.(data.slice(), endpoint) ?? "ok", data, false, signal);
    },
    isochronous: () => Promise.reject(new Error("a played device has no isochronous endpoints")),
    memory: ownMemory,
    clearHalt: async () => outcome(0),
    setInterface: async () => outcome(0),
    claim: async () => outcome(0),
    release: async () => outcome(0),
    reset: async () => outcome(0),
    gone: away.promise,
    close: async () => {},
    async send(endpoint, ...answers) {
      for (const answer of answers) {
        const { waiting, unsent } = pipeOf(endpoint);
        const waits = waiting.shift();
        if (waits === undefined) unsent.push(answer);
        else waits(answer);
        await turn();
      }
    },
    async unplug() {
      isGone = true;
      away.resolve();
      await turn();
    },
  };
}
