// Runs in: manager (keeps it over all incarnations) and driver host. Owns: a device's small shared memory: heartbeat,
// progress, metrics, the driver's state and the in-flight recorder.

import { DeviceError } from "@ring3/core/errors";
import { fnv1a32 } from "@ring3/core/hash"; // node:zlib would cost a host 5 ms of its start
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { createMemory, mapFixed, mapReadOnly, readOnly } from "@ring3/kernel/shm/memory";
import { METRICS_BYTES, type Metrics, MetricsWriter, readMetrics } from "./metrics.ts";
import {
  RECORDER_BYTES,
  type RecordEntry,
  type Recorder,
  type RecorderClock,
  RingRecorder,
  readRecorder,
  readRecorderNow,
} from "./recorder.ts";

const HEARTBEAT_WORD = 0;
const PROGRESS_WORD = 16;
const METRICS_OFFSET = 256;
const STATE_OFFSET = 4096;
/** Each of the two copies: sequence, length, checksum, version as u32, then the bytes. */
const STATE_COPY_BYTES = 8192;
const STATE_HEADER_BYTES = 16;
export const RECORDER_OFFSET = STATE_OFFSET + 2 * STATE_COPY_BYTES;
export const DEVICE_MEMORY_BYTES = RECORDER_OFFSET + RECORDER_BYTES;

/** Largest value a driver may keep over its own death, as JSON in UTF-8. */
export const STATE_MAX_BYTES = 4096;

/** The manager's side. It trusts nothing in here: a heartbeat is only compared with the one before. */
export class DeviceMemory {
  readonly #fd: Descriptor;
  readonly #buffer: ArrayBuffer;
  readonly #words: Uint32Array;

  /** `earlier`: one that an earlier manager made, with what is in it; taken. Throws DeviceError("protocol") where it is none. */
  constructor(earlier?: Descriptor) {
    this.#fd = earlier ?? createDeviceMemory();
    this.#buffer = mapFixed(this.#fd.fd, DEVICE_MEMORY_BYTES).buffer;
    this.#words = new Uint32Array(this.#buffer);
  }

  get fd(): number {
    return this.#fd.fd;
  }

  heartbeat(): number {
    return Atomics.load(this.#words, HEARTBEAT_WORD);
  }

  /** Requests that the incarnation says it has completed. */
  progress(): number {
    return Atomics.load(this.#words, PROGRESS_WORD);
  }

  /** What the device's drivers say they have done so far. */
  metrics(): Metrics {
    return readMetrics(this.#buffer, METRICS_OFFSET);
  }

  /** Another device is there. */
  forget(): void {
    this.dropState();
    new Uint8Array(this.#buffer, METRICS_OFFSET, METRICS_BYTES).fill(0);
  }

  /** The state that brought a driver down again and again is dropped before the last attempt. */
  dropState(): void {
    this.#state.fill(0);
  }

  /** Both copies, whatever a driver has written there. Take it once the driver is dead. */
  takeState(): Uint8Array {
    return this.#state.slice();
  }

  /** What `takeState` has given. */
  putState(bytes: Uint8Array): void {
    this.#state.set(bytes);
  }

  get #state(): Uint8Array {
    return new Uint8Array(this.#buffer, STATE_OFFSET, 2 * STATE_COPY_BYTES);
  }

  /** What the last incarnation did. Ask once it is dead. */
  recorded(): RecordEntry[] {
    return readRecorder(this.#buffer, RECORDER_OFFSET);
  }

  /** What the incarnation that there is has done up to now. */
  recordedNow(nowMs: number): RecordEntry[] {
    return readRecorderNow(this.#buffer, RECORDER_OFFSET, nowMs);
  }

  /** A descriptor with which it can be read, and not written. */
  lend(): Descriptor {
    return readOnly(this.fd);
  }

  close(): void {
    this.#fd.close();
  }
}

/** What `lend` has given. Throws DeviceError("protocol") where it is something else. Does not take the descriptor. */
export function mapDeviceMemory(fd: number): ArrayBuffer {
  return mapReadOnly(fd, DEVICE_MEMORY_BYTES).buffer;
}

/** The host writes here, but can neither shrink it under the manager nor grow it. */
function createDeviceMemory(): Descriptor {
  const memory = createMemory("ring3-device", DEVICE_MEMORY_BYTES);
  memory.sealSize();
  return memory.fd;
}

interface StateCopy {
  /** Which of the two. */
  readonly index: number;
  readonly sequence: number;
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** The driver host's side. */
export class HostDeviceMemory {
  readonly recorder: Recorder;
  readonly metrics: MetricsWriter;
  readonly #words: Uint32Array;
  readonly #buffer: ArrayBuffer;
  readonly #version: number;
  /** Nobody else writes there while this incarnation lives. */
  #newest: StateCopy | undefined;

  /** `version`: of the driver's state; what a driver of another version has kept is not read. `clock`: the recorder's. */
  constructor(memory: Descriptor, version: number, clock: RecorderClock) {
    this.#buffer = mapFixed(memory.fd, DEVICE_MEMORY_BYTES).buffer;
    this.#version = version;
    this.metrics = new MetricsWriter(this.#buffer, METRICS_OFFSET);
    this.recorder = new RingRecorder(this.#buffer, RECORDER_OFFSET, clock);
    this.#words = new Uint32Array(this.#buffer);
    Atomics.store(this.#words, PROGRESS_WORD, 0);
    this.#newest = this.#findNewest();
  }

  beat(): void {
    Atomics.add(this.#words, HEARTBEAT_WORD, 1);
  }

  completed(): void {
    Atomics.add(this.#words, PROGRESS_WORD, 1);
  }

  /** What was kept last, by this incarnation or one before; undefined where nothing is, or where it is of another version. */
  readState(): unknown {
    const newest = this.#newest;
    return newest?.version === this.#version ? parsed(newest.bytes) : undefined;
  }

  /** Writes the older copy, so that a death in the middle leaves the newer one whole. */
  writeState(value: unknown): void {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    if (bytes.length > STATE_MAX_BYTES)
      throw new DeviceError("invalid", `driver state of ${bytes.length} bytes, at most ${STATE_MAX_BYTES}`);
    const before = this.#newest;
    const index = before?.index === 0 ? 1 : 0;
    const sequence = ((before?.sequence ?? 0) + 1) >>> 0 || 1; // 0: there is none
    const view = this.#copyView(index);
    view.setUint32(8, 0, true);
    new Uint8Array(this.#buffer, view.byteOffset + STATE_HEADER_BYTES, bytes.length).set(bytes);
    view.setUint32(0, sequence, true);
    view.setUint32(4, bytes.length, true);
    view.setUint32(12, this.#version, true);
    view.setUint32(8, fnv1a32(bytes), true);
    this.#newest = { index, sequence, version: this.#version, bytes };
  }

  /** Of the copies whose checksums hold. Sequences count round, so whatever a driver has written there, the next write is newer (RFC 1982 §3.2). */
  #findNewest(): StateCopy | undefined {
    const [first, second] = [this.#readCopy(0), this.#readCopy(1)];
    if (first === undefined || second === undefined) return first ?? second;
    return ((second.sequence - first.sequence) | 0) > 0 ? second : first;
  }

  #copyView(index: number): DataView {
    return new DataView(this.#buffer, STATE_OFFSET + index * STATE_COPY_BYTES, STATE_COPY_BYTES);
  }

  #readCopy(index: number): StateCopy | undefined {
    const view = this.#copyView(index);
    const sequence = view.getUint32(0, true);
    const length = view.getUint32(4, true);
    if (sequence === 0 || length > STATE_MAX_BYTES) return undefined;
    const bytes = new Uint8Array(this.#buffer, view.byteOffset + STATE_HEADER_BYTES, length).slice();
    return fnv1a32(bytes) === view.getUint32(8, true)
      ? { index, sequence, version: view.getUint32(12, true), bytes }
      : undefined;
  }
}

/** A checksum that holds proves nothing about who wrote it: what is no JSON is no state, and no reason to fail. */
function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
