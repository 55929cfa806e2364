// Runs in: a sim. Owns: the listening Unix socket and the streams accepted on it.
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { ByteQueue } from "./byte-queue.ts";
import {
  BUSID_BYTES,
  type Command,
  type DeviceRecord,
  decodeBusid,
  decodeCommand,
  decodeOp,
  ECONNRESET,
  EREMOTEIO,
  encodeDevlist,
  encodeImport,
  encodeRetSubmit,
  encodeRetUnlink,
  OP_HEADER_BYTES,
  OP_REQ_DEVLIST,
  OP_REQ_IMPORT,
  URB_HEADER_BYTES,
  URB_SHORT_NOT_OK,
  USBIP_VERSION,
} from "./codec.ts";
import { Urb, type UrbStream } from "./urb.ts";

const MAX_URB_BYTES = 64 * 1048576; // a longer OUT transfer is a host gone mad
const MAX_UNSENT_BYTES = 16 * 1048576; // while the host does not read its answers, no more of its commands are read

/** The device that an imported stream speaks to. */
export interface Port {
  submit(urb: Urb): void;
  /** The host gave up on a URB that was not answered yet. */
  unlink(urb: Urb): void;
}

/** What the server offers; asked anew for each request, so that a device can come and go. */
export interface Exported {
  record(): DeviceRecord | undefined;
  /** The device in `record()`, now spoken to by `stream` and by nobody else. */
  attach(stream: Stream): Port;
  /** A stream ended for whatever reason: its URBs will never be answered. */
  detach(stream: Stream): void;
}

export async function serve(
  path: string,
  exported: Exported,
  complain: (text: string) => void,
): Promise<Server> {
  await removeStale(path);
  const server = createServer((socket) => new Stream(socket, exported, complain));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    const mask = process.umask(0o177); // the socket is bound inside listen()
    server.listen(path, resolve);
    process.umask(mask);
  });
  chmodSync(path, 0o600);
  return server;
}

/** A socket that nobody listens on any more is a leftover; anything else at the path is somebody's. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`${path} exists and is no socket`);
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
  if (alive) throw new Error(`${path} is in use by another process`);
  unlinkSync(path);
}

export class Stream implements UrbStream {
  readonly #socket: Socket;
  readonly #exported: Exported;
  readonly #complain: (text: string) => void;
  readonly #input = new ByteQueue();
  readonly #live = new Map<number, Urb>();
  #port: Port | undefined;
  #submit: (Command & { kind: "submit" }) | undefined; // its OUT data has not all arrived
  #importing = false;
  #corked = false;

  constructor(socket: Socket, exported: Exported, complain: (text: string) => void) {
    this.#socket = socket;
    this.#exported = exported;
    this.#complain = complain;
    socket.on("data", (chunk: Buffer) => {
      this.#input.push(chunk);
      this.#parse();
    });
    socket.on("drain", () => socket.resume());
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      this.#live.clear();
      if (this.#port !== undefined) exported.detach(this);
      this.#port = undefined;
    });
  }

  /** The device went away, or a newer import took it: nothing more is sent or heard. */
  close(): void {
    this.#live.clear();
    this.#port = undefined;
    this.#socket.destroy();
  }

  answer(urb: Urb, errno: number, actual: number, data: readonly Uint8Array[], sent?: () => void): void {
    if (this.#live.get(urb.seqnum) !== urb) {
      sent?.();
      return;
    }
    this.#live.delete(urb.seqnum);
    const short = urb.in && errno === 0 && actual < urb.length && (urb.flags & URB_SHORT_NOT_OK) !== 0;
    this.#cork();
    this.#socket.write(encodeRetSubmit(urb.seqnum, short ? EREMOTEIO : errno, actual));
    const last = data.length - 1;
    for (let i = 0; i < last; i++) this.#socket.write(data[i]!);
    if (last >= 0) this.#socket.write(data[last]!, sent);
  }

  /** Answers of one turn of the event loop leave in one system call. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#socket.uncork();
      if (this.#socket.writableLength > MAX_UNSENT_BYTES) this.#socket.pause();
    });
  }

  #parse(): void {
    while (!this.#socket.destroyed) {
      const more = this.#port === undefined ? this.#parseOp() : this.#parseUrb(this.#port);
      if (!more) return;
    }
  }

  #parseOp(): boolean {
    if (this.#importing) {
      if (this.#input.length < BUSID_BYTES) return false;
      this.#importing = false;
      this.#import(decodeBusid(this.#input.takeWhole(BUSID_BYTES)));
      return true;
    }
    if (this.#input.length < OP_HEADER_BYTES) return false;
    const { version, code } = decodeOp(this.#input.takeWhole(OP_HEADER_BYTES));
    if (code === OP_REQ_IMPORT && version === USBIP_VERSION) {
      this.#importing = true;
      return true;
    }
    if (code !== OP_REQ_DEVLIST || version !== USBIP_VERSION) {
      this.#refuse(
        `expected OP_REQ_DEVLIST or OP_REQ_IMPORT of version 0x111, found code ${hex(code)} of version ${hex(version)}`,
      );
      return false;
    }
    const record = this.#exported.record();
    this.#socket.end(encodeDevlist(record === undefined ? [] : [record]));
    return false;
  }

  #import(busid: string): void {
    const record = this.#exported.record();
    if (record === undefined || record.busid !== busid) {
      this.#socket.end(encodeImport(undefined));
      return;
    }
    this.#socket.write(encodeImport(record));
    this.#port = this.#exported.attach(this);
  }

  #parseUrb(port: Port): boolean {
    const pending = this.#submit;
    if (pending !== undefined) {
      if (this.#input.length < pending.length) return false;
      this.#submit = undefined;
      this.#start(port, new Urb(this, pending, this.#input.take(pending.length)));
      return true;
    }
    if (this.#input.length < URB_HEADER_BYTES) return false;
    const command = decodeCommand(this.#input.takeWhole(URB_HEADER_BYTES));
    switch (command.kind) {
      case "unlink": {
        const urb = this.#live.get(command.target);
        this.#live.delete(command.target);
        if (urb !== undefined) port.unlink(urb);
        this.#cork();
        this.#socket.write(encodeRetUnlink(command.seqnum, urb === undefined ? 0 : ECONNRESET));
        return true;
      }
      case "submit":
        return this.#accept(port, command);
      case "unknown":
        this.#refuse(`expected CMD_SUBMIT or CMD_UNLINK, found ${hex(command.code)}`);
        return false;
    }
  }

  #accept(port: Port, command: Command & { kind: "submit" }): boolean {
    if (command.packets > 0) {
      this.#refuse("isochronous transfer: no endpoint here takes one");
      return false;
    }
    if (command.length > MAX_URB_BYTES) {
      this.#refuse(`transfer of ${command.length} bytes, at most ${MAX_URB_BYTES} are taken`);
      return false;
    }
    if (this.#live.has(command.seqnum)) {
      this.#refuse(`sequence number ${command.seqnum} is still in flight`);
      return false;
    }
    if (command.in || command.length === 0) this.#start(port, new Urb(this, command, []));
    else this.#submit = command;
    return true;
  }

  #start(port: Port, urb: Urb): void {
    this.#live.set(urb.seqnum, urb);
    port.submit(urb);
  }

  #refuse(reason: string): void {
    this.#complain(`stream closed: ${reason}`);
    this.#socket.destroy();
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
