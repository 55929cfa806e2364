// Runs in: tests. Owns: a USB device that follows a script: the transfers it expects, in order, and its answers.
import assert from "node:assert/strict";
import { ownMemory } from "@ring3/kernel/usb/memory";
import { outcome } from "@ring3/kernel/usb/outcome";
import type { IsochronousOutcome, Outcome, Setup, UsbTransport } from "@ring3/kernel/usb/transport";

// asm-generic/errno.h
const ENODEV = 19;
const EPIPE = 32;
const EPROTO = 71;
const EOVERFLOW = 75;
const ECONNRESET = 104;

/** How the device answers: the bytes of an IN transfer, or a status with the bytes moved before it; "hang" answers only to a cancellation. */
export type Answer =
  | Uint8Array
  | "ok"
  | "stall"
  | "gone"
  | "error"
  | "hang"
  | { status: "stall" | "overflow" | "ok"; bytes: Uint8Array };

export interface Step {
  /** What the transfer must look like. */
  readonly expected: string;
  /** Run once it was seen, before the answer. */
  readonly meanwhile?: () => void;
  readonly answer: Answer;
}

const hex = (bytes: Uint8Array): string =>
  bytes.length > 64
    ? `${Buffer.from(bytes.subarray(0, 64)).toString("hex")}… (${bytes.length} bytes)`
    : Buffer.from(bytes).toString("hex");
const endpointText = (address: number): string => `0x${address.toString(16).padStart(2, "0")}`;
const setupText = ({ requestType, request, value, index }: Setup): string =>
  [requestType, request, value, index].map((field) => field.toString(16).padStart(2, "0")).join(" ");

/** A bulk OUT transfer of exactly these bytes. */
export const bulkOut = (address: number, bytes: Uint8Array, answer: Answer = "ok"): Step => ({
  expected: `bulk out ${endpointText(address)}: ${hex(bytes)}`,
  answer,
});

/** A bulk IN transfer with room for exactly `length` bytes. */
export const bulkIn = (address: number, length: number, answer: Answer): Step => ({
  expected: `bulk in ${endpointText(address)}: ${length} bytes`,
  answer,
});

export const interruptOut = (address: number, bytes: Uint8Array, answer: Answer = "ok"): Step => ({
  expected: `interrupt out ${endpointText(address)}: ${hex(bytes)}`,
  answer,
});

export const interruptIn = (address: number, length: number, answer: Answer): Step => ({
  expected: `interrupt in ${endpointText(address)}: ${length} bytes`,
  answer,
});

export const controlOut = (
  setup: Setup,
  bytes: Uint8Array = new Uint8Array(0),
  answer: Answer = "ok",
): Step => ({
  expected: `control out ${setupText(setup)}: ${hex(bytes)}`,
  answer,
});

export const controlIn = (setup: Setup, length: number, answer: Answer): Step => ({
  expected: `control in ${setupText(setup)}: ${length} bytes`,
  answer,
});

export const clearHalt = (address: number, answer: Answer = "ok"): Step => ({
  expected: `clear halt ${endpointText(address)}`,
  answer,
});

export const reset = (answer: Answer = "ok"): Step => ({ expected: "reset", answer });

export interface ScriptedUsb extends UsbTransport {
  /** Adds steps to the end. */
  expect(...steps: Step[]): void;
  /** Throws when a transfer did not follow the script, or when steps are left over. */
  done(): void;
}

/**
 * A transfer that does not follow the script fails, and makes every later one fail: what the driver makes of that does not
 * matter, `done()` names step, expected and found.
 */
export function scriptedUsb(...script: Step[]): ScriptedUsb {
  let position = 0;
  let fault: Error | undefined;
  const gone = Promise.withResolvers<void>();

  async function play(found: string, data: Uint8Array, signal?: AbortSignal): Promise<Outcome> {
    const step = script[position];
    if (fault === undefined && step?.expected !== found)
      fault = new assert.AssertionError({
        message: `step ${position}: expected ${step?.expected ?? "the end of the script"}, found ${found}`,
        expected: step?.expected,
        actual: found,
      });
    if (fault !== undefined) return outcome(ENODEV);
    position++;
    step!.meanwhile?.();
    return await answered(step!.answer, data, signal);
  }

  async function answered(answer: Answer, data: Uint8Array, signal?: AbortSignal): Promise<Outcome> {
    if (answer instanceof Uint8Array) return moved(answer, data, 0);
    switch (answer) {
      case "ok":
        return outcome(0, data.length);
      case "stall":
        return outcome(EPIPE);
      case "error":
        return outcome(EPROTO);
      case "gone":
        gone.resolve();
        return outcome(ENODEV);
      case "hang":
        await aborted(signal);
        return outcome(ECONNRESET);
      default:
        return moved(answer.bytes, data, { ok: 0, stall: EPIPE, overflow: EOVERFLOW }[answer.status]);
    }
  }

  function moved(bytes: Uint8Array, data: Uint8Array, errno: number): Outcome {
    assert.ok(
      bytes.length <= data.length,
      `step ${position - 1}: an answer of ${bytes.length} bytes for ${data.length}`,
    );
    data.set(bytes);
    return outcome(errno, bytes.length);
  }

  return {
    control: (setup, data, signal) =>
      (setup.requestType & 0x80) === 0
        ? play(`control out ${setupText(setup)}: ${hex(data)}`, data, signal)
        : play(`control in ${setupText(setup)}: ${data.length} bytes`, data, signal),
    transfer: (type, address, data, signal) =>
      (address & 0x80) === 0
        ? play(`${type} out ${endpointText(address)}: ${hex(data)}`, data, signal)
        : play(`${type} in ${endpointText(address)}: ${data.length} bytes`, data, signal),
    async isochronous(address, data): Promise<IsochronousOutcome> {
      return { ...(await play(`isochronous ${endpointText(address)}`, data)), packets: [] };
    },
    memory: ownMemory,
    clearHalt: (address) => play(`clear halt ${endpointText(address)}`, new Uint8Array(0)),
    setInterface: (number, alternate) => play(`set interface ${number} ${alternate}`, new Uint8Array(0)),
    claim: async () => outcome(0),
    release: async () => outcome(0),
    reset: () => play("reset", new Uint8Array(0)),
    gone: gone.promise,
    close: async () => {},
    expect(...steps) {
      script.push(...steps);
    },
    done() {
      if (fault !== undefined) throw fault;
      assert.equal(
        script
          .slice(position)
          .map(({ expected }) => expected)
          .join("\n"),
        "",
        "steps left over",
      );
    },
  };
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal?.aborted) resolve();
  signal?.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
