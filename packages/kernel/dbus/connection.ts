// Runs in: manager. Owns: one connection to a message bus, and the descriptors that come over it.
import type { Clock } from "@ring3/core/clock";
import { DeviceError, systemError } from "@ring3/core/errors";
import { check, Descriptor } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { type Watch, watch } from "../poll/watch.ts";
import { connect } from "../socket/unix.ts";
import { type Call, encodeCall } from "./message.ts";
import { BusStream, HANDSHAKE, type Received } from "./stream.ts";

export type BusMessage = Received<Descriptor>;

/** The bus itself: "Message Bus Specification". Nobody else has this name, and the daemon says truly who sends. */
export const BUS = "org.freedesktop.DBus";
const bus = { destination: BUS, path: "/org/freedesktop/DBus", interface: BUS } as const;

/** dbus and sd-bus wait 25 s for an answer; whom ring3 asks is there to answer at once. */
const ANSWER_MS = 10_000;
const READ_BYTES = 4096;
/** In one turn of the loop. */
const READS_A_TURN = 16;
/** With one message no more can come: SCM_MAX_FD, include/net/scm.h. A bus's own limit may be lower. */
const DESCRIPTORS_MAX = 253;
const EAGAIN = 11; // asm-generic/errno-base.h
const ECONNRESET = 104; // asm-generic/errno.h

/** What a call was answered with where that is an error: its name says which. */
export class BusError extends DeviceError {
  readonly busName: string;

  constructor(what: string, busName: string, text: string) {
    super("io", `${what}: ${busName}${text === "" ? "" : ` (${text})`}`);
    this.busName = busName;
  }
}

interface Pending extends PromiseWithResolvers<BusMessage> {
  readonly what: string;
  readonly destination: string;
  readonly descriptorCount: number;
}

export class BusConnection {
  readonly #socket: Descriptor;
  readonly #watch: Watch;
  readonly #clock: Clock;
  readonly #stream = new BusStream<Descriptor>((descriptor) => descriptor.close());
  readonly #pending = new Map<number, Pending>();
  readonly #received = new Int32Array(1 + DESCRIPTORS_MAX);
  readonly #buffer = new Uint8Array(READ_BYTES);
  #lastSerial = 0;
  #closed = false;
  /** Broadcasts that were asked for, and whatever anybody on the bus sends to this connection: look at who sends. */
  onSignal: (signal: BusMessage) => void = () => {};
  /** Called once, when the connection ends other than by `close()`. */
  onClose: (error: DeviceError) => void = () => {};

  private constructor(socket: Descriptor, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.#watch = watch(socket.fd, { readable: true }, () => this.#receive());
    this.#watch.ref(false);
  }

  /** Resolves once the bus has given the connection a name. */
  static async open(path: string, clock: Clock): Promise<BusConnection> {
    const connection = new BusConnection(connect(path), clock);
    try {
      connection.#send(HANDSHAKE);
      await connection.call({ ...bus, member: "Hello", strings: [] });
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /**
   * The answer, with as many descriptors as are expected, which are the caller's. Throws BusError where it is an error, and DeviceError where none
   * comes or another. To a name of the form ":1.42", so that nobody else can answer.
   */
  call(call: Call, descriptorCount = 0): Promise<BusMessage> {
    const what = `D-Bus call of ${call.member} at ${call.destination}`;
    if (this.#closed) return Promise.reject(new DeviceError("disconnected", what));
    const serial = ++this.#lastSerial;
    const { destination } = call;
    const pending = { ...Promise.withResolvers<BusMessage>(), what, destination, descriptorCount };
    this.#pending.set(serial, pending);
    const timer = this.#clock.after(ANSWER_MS, () => this.#end(new DeviceError("timeout", what)));
    this.#send(encodeCall(call, serial));
    return pending.promise.finally(() => timer.cancel());
  }

  /** Broadcasts that fit are received from here on: "Match Rules". */
  async match(rule: string): Promise<void> {
    await this.call({ ...bus, member: "AddMatch", strings: [rule] });
  }

  /** The name of the connection that has a well-known name; undefined where none has. */
  async ownerOf(name: string): Promise<string | undefined> {
    try {
      const { body } = await this.call({ ...bus, member: "GetNameOwner", strings: [name] });
      return String(body[0]);
    } catch (error) {
      if (error instanceof BusError && error.busName === `${BUS}.Error.NameHasNoOwner`) return undefined;
      throw error;
    }
  }

  /** What was asked and is not answered fails. `onClose` is not called. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    this.#socket.close();
    this.#stream.end();
    for (const { what, reject } of this.#pending.values()) reject(new DeviceError("disconnected", what));
    this.#pending.clear();
  }

  #end(error: DeviceError): void {
    if (this.#closed) return;
    this.close();
    this.onClose(error);
  }

  /** What ring3 says is small and seldom: a daemon whose socket has no room for it is of no use. */
  #send(bytes: Uint8Array): void {
    const sent = native.sendmsg(this.#socket.fd, [bytes], []);
    if (sent === bytes.length) return;
    const what = "send to the message bus";
    this.#clock.after(0, () =>
      this.#end(
        sent < 0 ? systemError(what, sent) : new DeviceError("no-space", `${what}: it reads nothing`),
      ),
    );
  }

  #receive(): void {
    try {
      for (let reads = 0; reads < READS_A_TURN && !this.#closed; reads++) {
        const length = native.recvmsg(this.#socket.fd, this.#buffer, this.#received);
        if (length === -EAGAIN) return;
        if (length === 0 || length === -ECONNRESET)
          throw new DeviceError("disconnected", "the message bus has closed the connection");
        const count = check(length, "receive from the message bus");
        const came = Array.from(
          this.#received.subarray(1, 1 + this.#received[0]!),
          (fd) => new Descriptor(fd),
        );
        for (const message of this.#stream.push(this.#buffer.subarray(0, count), came)) this.#take(message);
      }
    } catch (error) {
      this.#end(
        error instanceof DeviceError ? error : new DeviceError("internal", "D-Bus", { cause: error }),
      );
    }
  }

  #take(message: BusMessage): void {
    if (message.kind === "signal") this.onSignal(message);
    if ((message.kind !== "return" && message.kind !== "error") || !this.#answer(message))
      for (const descriptor of message.descriptors) descriptor.close();
  }

  /** False where nobody has taken its descriptors. */
  #answer(message: BusMessage): boolean {
    const { kind, replySerial, sender, errorName, body, descriptors } = message;
    const pending = this.#pending.get(replySerial);
    if (pending === undefined || (sender !== pending.destination && sender !== BUS)) return false;
    this.#pending.delete(replySerial);
    const { what, descriptorCount, resolve, reject } = pending;
    if (kind === "error") reject(new BusError(what, errorName, typeof body[0] === "string" ? body[0] : ""));
    else if (descriptors.length === descriptorCount) {
      resolve(message);
      return true;
    } else
      reject(
        new DeviceError(
          "protocol",
          `${what}: expected ${descriptorCount} descriptors, found ${descriptors.length}`,
        ),
      );
    return false;
  }
}

/** The path of a bus's socket in an address such as "unix:path=/run/dbus/system_bus_socket": "Server Addresses". The first that has one. */
export function socketPath(address: string): string {
  for (const entry of address.split(";")) {
    const value = /^unix:(?:[^,]*,)*path=([^,]*)/.exec(entry)?.[1];
    if (value !== undefined && value !== "") return unescaped(value);
  }
  throw new DeviceError("unsupported", `bus address ${JSON.stringify(address)}: expected unix:path=PATH`);
}

/** Bytes as %xx. */
function unescaped(value: string): string {
  const bytes = value.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return bytes === value ? value : Buffer.from(bytes, "latin1").toString();
}
