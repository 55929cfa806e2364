// Runs in: driver host, jailed. Owns: one LUN's commands: retries, sense data, getting it ready. Knows no disk.
import { DeviceError, type Limit, type Wait } from "@ring3/sdk";
import { requestSense, type ScsiCommand, startUnit } from "./cdb.ts";
import { type Attention, meaningOf, parseSense, SENSE_BYTES, type Sense, senseText } from "./sense.ts";
import type { BulkOnly, Host } from "./transport.ts";

/** How often a command that failed in transport, or for a passing reason, is sent in all. */
const TRIES = 3;
/** Unit attentions are queued in the device, and each is told once: more in a row is a broken device. */
const ATTENTIONS_MAX = 8;
/** The longest any one try may take, so that recovery and another try fit: Linux's SD_TIMEOUT. */
const TRY_MS = 30_000;
const READY_POLL_MS = 100;
const NO_BYTES = new Uint8Array(0);

export interface TargetEvents {
  /** REQUEST SENSE is being sent, or what it told is for none of the others here, of which one comes else. */
  asking(asking: boolean): void;
  /** Told before the command is sent again; may throw to fail it instead. Nested commands may be run. */
  attention(of: Attention, wait: Wait): Promise<void>;
  /** An earlier, acknowledged command failed after all. */
  deferredError(sense: Sense): void;
  /** Sense data was asked for and did not come: it may have been the one that counts. */
  unheard(wait: Wait): Promise<void>;
  /** The unit says that there is no medium. */
  noMedium(): void;
}

/** How one try ended: done; refused, with sense data; or with an error, its status unknown. */
interface Try {
  readonly done: boolean;
  readonly bytes: number;
  readonly sense?: Sense;
  readonly error?: DeviceError;
}

export class Target {
  readonly lun: number;
  /** The medium can be exchanged: then sense data that do not come count as lost, even where no one knows that there were any. */
  changeable = false;
  readonly #bot: BulkOnly;
  readonly #host: Host;
  readonly #events: TargetEvents;
  readonly #sense = new Uint8Array(SENSE_BYTES);
  /** "sense": of a command whose end was not seen, in the device until its next command (SPC-4 §5.12). "lost": asked for in vain. */
  #unread: "nothing" | "sense" | "lost";
  /** What the device has said when whoever had asked was gone. */
  #heard: Sense | undefined;

  /** `owed`: the last command before this may have left sense data that nobody has read. */
  constructor(lun: number, bot: BulkOnly, host: Host, events: TargetEvents, owed: boolean) {
    this.lun = lun;
    this.#unread = owed ? "sense" : "nothing";
    this.#bot = bot;
    this.#host = host;
    this.#events = events;
  }

  /**
   * Runs a command until it is done, certainly fails, or `wait` ends. The caller holds a turn.
   * Resolves to the bytes moved: all of them where `whole` is set.
   */
  async run(
    command: ScsiCommand,
    data: Uint8Array,
    wait: Wait,
    { whole = false }: { whole?: boolean } = {},
  ): Promise<number> {
    let attentions = 0;
    let started = false;
    for (let tries = 1; ; ) {
      await this.#catchUp(wait);
      const found = await this.#try(command, data, wait);
      const { bytes } = found;
      let { error } = found;
      // Also behind a recovered error: what was not delivered was not read.
      if (found.done && whole && bytes < data.length)
        error = new DeviceError("io", `${command.name}: ${bytes} of ${data.length} bytes`);
      else if (found.done) return bytes;
      if (error !== undefined) {
        wait.signal?.throwIfAborted();
        if (error.kind === "disconnected" || tries++ >= TRIES) throw error;
        this.#host.log.info(`LUN ${this.lun}: ${error.message}; trying again`);
        continue;
      }
      const sense = found.sense!;
      const what = `LUN ${this.lun}, ${command.name}: ${senseText(sense)}`;
      if (sense.deferred) {
        this.#events.deferredError(sense);
        if (tries++ >= TRIES) throw new DeviceError("io", what);
        continue;
      }
      const meaning = meaningOf(sense);
      switch (meaning.action) {
        case "attention":
          if (++attentions > ATTENTIONS_MAX) throw new DeviceError("protocol", `${what} without end`);
          await this.#events.attention(meaning.of, wait);
          break;
        case "retry":
          if (tries++ >= TRIES) throw new DeviceError(meaning.kind, what);
          break;
        case "wait":
          await this.#host.sleep(READY_POLL_MS, wait);
          break;
        case "start":
          if (started) await this.#host.sleep(READY_POLL_MS, wait);
          else await this.run(startUnit(), NO_BYTES, wait);
          started = true;
          break;
        case "fail":
          if (meaning.kind === "no-medium") this.#events.noMedium();
          throw new DeviceError(meaning.kind, what, { cause: sense });
      }
    }
  }

  async #try(command: ScsiCommand, data: Uint8Array, wait: Wait): Promise<Try> {
    using limit = this.#limit(wait);
    try {
      this.#unread = "sense";
      const { passed, bytes } = await this.#bot.exchange(this.lun, command, data, limit);
      if (passed) {
        this.#unread = "nothing";
        return { done: true, bytes };
      }
      const sense = await this.#askSense(command.name, limit, wait, true);
      const { action } = meaningOf(sense);
      return { done: !sense.deferred && action === "done", bytes, sense };
    } catch (error) {
      if (error instanceof DeviceError) return { done: false, bytes: 0, error };
      throw error;
    }
  }

  /** Half of what is left: a hung device is reset in time for another try. */
  #limit(wait: Wait): Limit {
    const left = (wait.deadlineMs ?? Number.POSITIVE_INFINITY) - this.#host.now();
    return this.#host.limit(Math.min(TRY_MS, left / 2), wait);
  }

  /** The end of a command was not seen: asks what the device had to say of it, before the next command makes it forget. */
  async #catchUp(wait: Wait): Promise<void> {
    if (this.#unread === "nothing" && this.#heard === undefined) return;
    const sense = this.#heard ?? (this.#unread === "sense" ? await this.#recall(wait) : undefined);
    const lost = this.#unread === "lost";
    this.#unread = "nothing";
    this.#heard = undefined;
    if (lost) return await this.#events.unheard(wait);
    if (sense === undefined) return;
    if (sense.deferred) return this.#events.deferredError(sense);
    const meaning = meaningOf(sense);
    if (meaning.action === "attention") await this.#events.attention(meaning.of, wait);
    else if (meaning.action === "fail" && meaning.kind === "no-medium") this.#events.noMedium();
  }

  /** undefined: no answer came. */
  async #recall(wait: Wait): Promise<Sense | undefined> {
    using limit = this.#limit(wait);
    try {
      return await this.#askSense("the command before", limit, wait, this.changeable);
    } catch (error) {
      wait.signal?.throwIfAborted();
      if (!(error instanceof DeviceError) || error.kind === "disconnected") throw error;
      return undefined;
    }
  }

  /**
   * `counts`: should the answer get lost, there was something that had to be heard. So it is heard, as long as `limit` lasts, also where the
   * request of `wait` is taken back meanwhile.
   */
  async #askSense(of: string, limit: Limit, wait: Wait, counts: boolean): Promise<Sense> {
    if (!counts) return await this.#hear(of, limit);
    this.#unread = "lost";
    this.#events.asking(true);
    const hearing = this.#hearOut(of, limit);
    this.#bot.turns.hold(hearing);
    const sense = await settledOrLeft(hearing, wait.signal);
    this.#heard = undefined;
    return sense;
  }

  async #hearOut(of: string, { deadlineMs }: Limit): Promise<Sense> {
    using limit = this.#host.limit(deadlineMs - this.#host.now(), {});
    this.#heard = await this.#hear(of, limit);
    return this.#heard;
  }

  async #hear(of: string, wait: Wait): Promise<Sense> {
    const { passed, bytes } = await this.#bot.exchange(
      this.lun,
      requestSense(SENSE_BYTES),
      this.#sense,
      wait,
    );
    const sense = passed ? parseSense(this.#sense.subarray(0, bytes)) : undefined;
    if (sense === undefined) throw new DeviceError("protocol", `${of}: failed, and so did REQUEST SENSE`);
    this.#unread = "nothing";
    if (!sense.deferred && meaningOf(sense).action !== "attention") this.#events.asking(false);
    return sense;
  }
}

/** Rejects with the reason of `signal` where that comes first; the promise goes on. */
async function settledOrLeft<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const { promise: left, reject } = Promise.withResolvers<never>();
  const leave = (): void => reject(signal!.reason);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", leave, { once: true });
  return await Promise.race([promise, left]).finally(() => signal?.removeEventListener("abort", leave));
}
