// Runs in: tests. Owns: a simulated device as a process of its own, and USB transports to it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { systemClock } from "@ring3/kernel/clock/clock";
import type { UsbDeviceInfo } from "@ring3/kernel/usb/device-info";
import type { UsbTransport } from "@ring3/kernel/usb/transport";
import { importDevice } from "@ring3/kernel/usbip/import";
import { usbipTransport } from "@ring3/kernel/usbip/transport";

type Message = Readonly<Record<string, unknown>>;

export interface AttachedUsb {
  readonly transport: UsbTransport;
  readonly info: UsbDeviceInfo;
  readonly descriptors: UsbDeviceInfo["descriptors"];
  readonly strings: { readonly manufacturer?: string; readonly product?: string; readonly serial?: string };
  readonly configurationValue: number;
}

export interface SimulatedUsb extends AsyncDisposable {
  readonly socket: string;
  readonly busid: string;
  /** Imports the device; a second import fences the first, as a new incarnation of a driver does. */
  attach(): Promise<AttachedUsb>;
  /** Sends one line ("fault stall-data", "eject", "stats") and returns its answer. */
  command(line: string): Promise<Message>;
  /** What the sim said besides answers: `{"event":"unplugged"}`. */
  readonly events: readonly Message[];
}

/** Starts the sim whose main.ts lies at `main`, with `args` behind `--listen SOCKET`. Fails with its stderr when it does not get ready. */
export async function simulateUsb(main: string, args: readonly string[]): Promise<SimulatedUsb> {
  const directory = await mkdtemp(join(tmpdir(), "ring3-sim-"));
  const socket = join(directory, "usb.sock");
  const child = spawn(process.execPath, [main, "--listen", socket, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const events: Message[] = [];
  const answers: PromiseWithResolvers<Message>[] = [];
  const ready = Promise.withResolvers<Message>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const message = JSON.parse(line) as Message;
    if (message.ready === true) ready.resolve(message);
    else if ("event" in message) events.push(message);
    else answers.shift()?.resolve(message);
  });
  child.once("exit", (code, signal) => {
    const error = new Error(`sim ended with ${code ?? signal}: ${stderr}`);
    ready.reject(error);
    for (const answer of answers.splice(0)) answer.reject(error);
  });
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(directory, { recursive: true, force: true });
  };
  const first = await ready.promise.catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const busid = String(first.busid);
  return {
    socket,
    busid,
    events,
    async attach() {
      const { stream, info } = await importDevice(socket, busid, systemClock);
      const { manufacturer, product, serial } = info.strings;
      const devid = ((info.busNumber << 16) | info.deviceNumber) >>> 0;
      return {
        transport: usbipTransport(stream, { devid, speed: info.speed }, systemClock),
        info,
        descriptors: info.descriptors,
        strings: {
          ...(manufacturer === undefined ? {} : { manufacturer }),
          ...(product === undefined ? {} : { product }),
          ...(serial === undefined ? {} : { serial }),
        },
        configurationValue: info.configurationValue,
      };
    },
    command(line) {
      const answer = Promise.withResolvers<Message>();
      answers.push(answer);
      child.stdin.write(`${line}\n`);
      return answer.promise;
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
