// Runs in: lab guest, in tests. Owns: an evemu-record on an event node: what the node is, and all that it says from then on.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { until, within } from "./patience.ts";

const LINES_SHOWN = 20;
/** Of two sources of the same events the times are not the same. */
const TIME = "MSC_TIMESTAMP";
/** A key's value: the kernel says by itself that it is held (drivers/input/input.c, input_repeat_key). */
const REPEATED = "2";

export interface Recorded {
  readonly name: string;
  /** "0003 045e 028e 0114" */
  readonly ids: string;
  /** "BTN_SOUTH", "ABS_X -32768 to 32767, fuzz 16, flat 128, resolution 0", "INPUT_PROP_POINTER", by libevdev's names. */
  readonly able: readonly string[];
  /** "BTN_SOUTH 1", by frames. Within a frame they come in no order, so they are sorted. */
  readonly frames: readonly (readonly string[])[];
}

export class Recording implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #node: string;
  readonly #lines: string[] = [];
  #latestMs = 0;
  readonly #state = new Map<string, number>();
  readonly #counts = new Map<string, number>();

  private constructor(node: string) {
    this.#node = node;
    // Writes each line at once, not when a buffer is full.
    this.#child = spawn("stdbuf", ["-oL", "evemu-record", node], { stdio: ["ignore", "pipe", "inherit"] });
    this.#ended = once(this.#child, "close");
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      this.#lines.push(line);
      const told = event(line);
      if (told === undefined) return;
      this.#latestMs = performance.now();
      const [name, value] = told.split(" ") as [string, string];
      this.#state.set(name, Number(value));
      this.#counts.set(told, this.count(told) + 1);
    });
  }

  /** Whatever the node says from when this resolves on is in it. */
  static async start(node: string): Promise<Recording> {
    const recording = new Recording(node);
    await until(
      () => recording.#lines.some((line) => line.includes("Waiting for events")),
      () => `the start of ${recording.#told}`,
    );
    return recording;
  }

  /** Resolves once the node has said nothing for so long, its time apart. */
  async quiet(ms: number): Promise<void> {
    await sleep(ms);
    await until(
      () => performance.now() - this.#latestMs >= ms,
      () => `${ms} ms in which nothing is told to ${this.#told}`,
    );
  }

  /** The latest value of each key and axis that it has told of. */
  get state(): ReadonlyMap<string, number> {
    return this.#state;
  }

  /** How often it has said that, "BTN_SOUTH 1". */
  count(wanted: string): number {
    return this.#counts.get(wanted) ?? 0;
  }

  /** False: evemu-record, or the guest, stood still, and what the node had no room for is missing. */
  get isWhole(): boolean {
    return !afterOverflow(eventLines(this.#lines)).some(isDropped);
  }

  /** Throws where it is not whole. */
  get recorded(): Recorded {
    const told = (pattern: RegExp) => this.#lines.map((line) => pattern.exec(line)?.[1]).find(Boolean) ?? "";
    return {
      name: told(/^N: (.*)$/),
      ids: told(/^I: (.*)$/),
      able: abilities(this.#lines),
      frames: frames(this.#lines),
    };
  }

  /** When it said that, "BTN_SOUTH 1", each time: in milliseconds from its first event on, by the kernel's clock. */
  times(wanted: string): number[] {
    return this.#lines
      .filter((line) => event(line) === wanted)
      .map((line) => Number(/^E: ([\d.]+)/.exec(line)![1]) * 1000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // SIGINT ends it only while it waits for the next event: one that comes while it writes is lost (libevemu's evemu_record looks at nothing but poll()'s
    // answer), and a node that tells its time all along keeps it going for ever.
    this.#child.kill("SIGKILL");
    await within(this.#ended, () => `the end of ${this.#told}`);
  }

  get #told(): string {
    return `evemu-record ${this.#node}; it said last:\n${this.#lines.slice(-LINES_SHOWN).join("\n")}`;
  }
}

/** evemu's description in words, which stands before the one in numbers. */
function abilities(lines: readonly string[]): string[] {
  const found: string[] = [];
  let type = "";
  for (const line of lines) {
    type = /^# {3}Event type \d+ \((\w+)\)/.exec(line)?.[1] ?? type;
    const [, code, name] = /^# {5}Event code (\d+) \((.*)\)/.exec(line) ?? [];
    if (code !== undefined && type !== "EV_SYN") found.push(/^\w+$/.test(name!) ? name! : `${type} ${code}`);
    const [, what, value] = /^# {7}(Min|Max|Fuzz|Flat|Resolution) +(-?\d+)/.exec(line) ?? [];
    if (what !== undefined) found.push(`${found.pop()} ${what.toLowerCase()} ${value}`);
    const property = /^# {5}Property +type \d+ \((\w+)\)/.exec(line)?.[1];
    if (property !== undefined) found.push(property);
  }
  return found;
}

/** "E: 0.055190 0001 0130 0000	# EV_KEY / BTN_SOUTH            0" */
function event(line: string): string | undefined {
  const [, name, value] = /^E: .*# EV_\w+ \/ (\S+) +(-?\d+)$/.exec(line) ?? [];
  const isByTime = name === TIME || (name?.startsWith("KEY_") && value === REPEATED);
  return name === undefined || isByTime ? undefined : `${name} ${value}`;
}

const eventLines = (lines: readonly string[]) => lines.filter((line) => line.startsWith("E: "));
const isDropped = (line: string) => line.includes("SYN_DROPPED");

/**
 * A node with much to tell overflows while evemu-record still describes it: then SYN_DROPPED comes first, and what comes up to the next SYN_REPORT is
 * in pieces (Documentation/input/event-codes.rst). All of that was told before the recording's start.
 */
function afterOverflow(events: readonly string[]): readonly string[] {
  if (events[0] === undefined || !isDropped(events[0])) return events;
  const end = events.findIndex((line) => line.includes("SYN_REPORT"));
  return end < 0 ? [] : events.slice(end + 1);
}

function frames(lines: readonly string[]): string[][] {
  const all: string[][] = [[]];
  for (const line of afterOverflow(eventLines(lines))) {
    const told = event(line);
    if (told !== undefined) all.at(-1)!.push(told);
    else if (isDropped(line)) throw new Error(`the node was not read in time: ${line}`);
    else if (line.includes("SYN_REPORT")) all.push([]);
  }
  return all.filter((frame) => frame.length > 0).map((frame) => frame.sort());
}
