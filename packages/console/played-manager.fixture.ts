// Runs in: tests. Owns: a manager that a test plays, at a state directory of its own: it has the devices that it is given, and says what it is told to.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientEdge } from "@ring3/control/client-edge";
import type { Notice, NoticeName } from "@ring3/control/edge";
import { type Handlers, type ServingPeer, servingPeer } from "@ring3/control/peer";
import { controlSocket } from "@ring3/control/state-directory";
import type { DeviceStatus } from "@ring3/control/status";
import { DeviceError } from "@ring3/core/errors";
import { HISTOGRAM_BUCKETS } from "@ring3/core/histogram";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { FrameSocket, listen } from "@ring3/kernel/socket/frame-socket";

type Edge = typeof clientEdge;
type Served = ServingPeer<Edge>;
type Answers = Partial<Handlers<Edge, Descriptor, Served>>;

const unasked = Object.fromEntries(
  Object.keys(clientEdge.methods).map((method) => [
    method,
    () => {
      throw new DeviceError("unsupported", `${method}: not played`);
    },
  ]),
) as unknown as Handlers<Edge, Descriptor, Served>;

export class PlayedManager implements Disposable {
  /** When it has told each. */
  readonly seconds: number[] = [];
  readonly directory = mkdtempSync(join(tmpdir(), "r3-")); // a socket's path takes 107 bytes
  readonly #devices: readonly DeviceStatus[];
  readonly #peers = new Set<Served>();
  readonly #observers = new Set<Served>();
  readonly #close: () => void;
  #requests = 0;

  constructor(devices: readonly DeviceStatus[], answers: Answers = {}) {
    this.#devices = devices;
    const handlers = { ...unasked, ...this.#answers(), ...answers };
    const ignored = { suspect() {}, progress() {}, replayed() {}, endpoint() {}, profile() {} };
    const { close } = listen(controlSocket(this.directory), 0o600, (stream) => {
      const peer = servingPeer<Edge, Descriptor>(clientEdge, new FrameSocket(stream), handlers, ignored);
      this.#peers.add(peer);
      peer.signal.addEventListener("abort", () => {
        this.#peers.delete(peer);
        this.#observers.delete(peer);
      });
    });
    const seconds = setInterval(() => this.#second(), 1000);
    this.#close = () => {
      clearInterval(seconds);
      close();
    };
  }

  #answers(): Answers {
    const status = () => ({
      keeperPid: process.pid,
      manager: { pid: process.pid, uptimeMs: 1 },
      reflectors: [{ class: "block", pid: process.pid }],
      devices: [...this.#devices],
    });
    return {
      status,
      observe: (_, __, peer) => {
        this.#observers.add(peer);
        return { status: status() };
      },
      renounce: () => ({}),
      subscribe: () => ({ client: "c1", channels: [] }),
      logs: () => ({ entries: [] }),
      history: () => ({ passages: [], steps: [] }),
      inFlight: ({ device }) => ({ device, requests: [] }),
      crashes: () => ({ reports: [] }),
      restart: ({ device }) => ({ device, state: "running", reason: "" }),
    };
  }

  /** To everybody who observes. */
  tell<N extends NoticeName<Edge>>(notice: N, params: Notice<Edge, N>): void {
    for (const peer of this.#observers) peer.notify(notice, params);
  }

  #second(): void {
    this.seconds.push(performance.now());
    this.#requests += 100;
    const of = ({ id, alias, driver, state, restarts }: DeviceStatus) => ({
      ...{ id, alias, driver, state, restarts },
      ...{ requests: this.#requests, failed: 0, bytesRead: 0, bytesWritten: 0, events: 0, process: null },
      latencies: new Array<number>(HISTOGRAM_BUCKETS).fill(0),
    });
    this.tell("metrics", { nowMs: performance.now(), devices: this.#devices.map(of) });
  }

  [Symbol.dispose](): void {
    this.#close();
    for (const peer of this.#peers) peer.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** One that runs, but for what is said. */
export const playedDevice = (change: Partial<DeviceStatus>): DeviceStatus => ({
  id: "usb-1-4:1.0",
  alias: null,
  identity: "1209:0001",
  name: "A drive",
  bus: "usb",
  driver: "usb-storage",
  class: "block",
  placement: "isolated",
  sandbox: "standard",
  state: "running",
  reason: "",
  incarnation: 1,
  restarts: 0,
  hostPid: process.pid,
  units: [],
  ...change,
});
