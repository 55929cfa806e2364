// Runs in: manager, privileged. Owns: one question to the kernel at a time. /dev/nbdN: which socket the kernel's NBD client speaks to
// (<linux/nbd-netlink.h>, drivers/block/nbd.c).
import { DeviceError, systemError } from "@ring3/core/errors";
import { native } from "../native.ts";
import { type Answer, type Attribute, decodeAnswers, encodeRequest, text, u32, u64 } from "./netlink.ts";

// linux/genetlink.h
const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
// linux/nbd-netlink.h
const NBD_CMD_CONNECT = 1;
const NBD_CMD_DISCONNECT = 2;
const NBD_CMD_RECONFIGURE = 3;
const NBD_ATTR_INDEX = 1;
const NBD_ATTR_SIZE_BYTES = 2;
const NBD_ATTR_BLOCK_SIZE_BYTES = 3;
const NBD_ATTR_SERVER_FLAGS = 5;
const NBD_ATTR_CLIENT_FLAGS = 6;
const NBD_ATTR_SOCKETS = 7;
const NBD_ATTR_DEAD_CONN_TIMEOUT = 8;
const NBD_ATTR_BACKEND_IDENTIFIER = 10;
const NBD_SOCK_ITEM = 1;
const NBD_SOCK_FD = 1;
/** linux/nbd.h: the device goes with its connection's end and its last user. */
const NBD_CFLAG_DESTROY_ON_DISCONNECT = 1 << 0;

// asm-generic/errno-base.h
const ENOENT = 2;
const EINVAL = 22;
const ANSWER_BYTES = 16_384;

/**
 * A request that was sent and not answered is looked at when the block layer's time for it is over, 30 s or what sysfs says (sysfs.ts,
 * tuneNbd). What the kernel does then, nbd_xmit_timeout says, of a device with one connection (6.12): where NBD_ATTR_TIMEOUT was given, it ends
 * the connection, slow or dead, and sends the request again on the next. Where it was not, it sends it again if there is another connection by
 * now, and else waits on. So that attribute is never given here: a disk whose driver is being started again is slow, and not dead.
 * What is not sent yet waits for another connection as long as `deadSeconds`, then fails.
 */
export interface NbdDevice {
  readonly index: number;
  /** N is made, if there is none, and gone when nobody needs it any more. */
  readonly temporary: boolean;
  /** Connected, past its negotiation; the kernel keeps it, and the caller may close its own. */
  readonly socket: number;
  /** 0: nobody can ask anything of it yet. */
  readonly bytes: number;
  /** A power of two from 512 to a page. */
  readonly blockBytes: number;
  /** Transmission flags, NBD's proto.md. */
  readonly flags: number;
  readonly deadSeconds: number;
  /** Sysfs shows it; who does not know it cannot give the device another socket. */
  readonly backend: string;
}

/** Connects /dev/nbdN. DeviceError "unsupported" without the kernel's module, "busy" where N is used, "denied" without CAP_SYS_ADMIN. */
export function connectNbd(device: NbdDevice): void {
  const { index, temporary, socket, bytes, blockBytes, flags, deadSeconds, backend } = device;
  const attributes: Attribute[] = [
    [NBD_ATTR_INDEX, u32(index)],
    [NBD_ATTR_SIZE_BYTES, u64(bytes)],
    [NBD_ATTR_BLOCK_SIZE_BYTES, u64(blockBytes)],
    [NBD_ATTR_SERVER_FLAGS, u64(flags)],
    [NBD_ATTR_CLIENT_FLAGS, u64(temporary ? NBD_CFLAG_DESTROY_ON_DISCONNECT : 0)],
    [NBD_ATTR_DEAD_CONN_TIMEOUT, u64(deadSeconds)],
    [NBD_ATTR_BACKEND_IDENTIFIER, text(backend)],
    socketsOf(socket),
  ];
  asked(NBD_CMD_CONNECT, attributes, `connect /dev/nbd${index}`);
}

/** Another socket in place of one that the kernel has seen the end of; where it has not, nothing is done, and the socket closed. */
export function reconnectNbd(index: number, backend: string, socket: number): void {
  reconfigure(index, backend, socketsOf(socket), "reconnect");
}

/** Returns once nothing is under way: for a device that has no size yet. */
export function resizeNbd(index: number, backend: string, bytes: number): void {
  reconfigure(index, backend, [NBD_ATTR_SIZE_BYTES, u64(bytes)], "resize");
}

function reconfigure(index: number, backend: string, change: Attribute, verb: string): void {
  asked(
    NBD_CMD_RECONFIGURE,
    [[NBD_ATTR_INDEX, u32(index)], [NBD_ATTR_BACKEND_IDENTIFIER, text(backend)], change],
    `${verb} /dev/nbd${index}`,
  );
}

/**
 * Ends the connection; whoever has the disk open sees errors from then on. Sends a farewell first, and waits until that has room in the socket: let the
 * socket be shut down already.
 */
export function disconnectNbd(index: number): void {
  asked(NBD_CMD_DISCONNECT, [[NBD_ATTR_INDEX, u32(index)]], `disconnect /dev/nbd${index}`);
}

/** Throws what `connectNbd` would, for want of a module or a capability: the kernel looks at that before it misses a number. */
export function checkNbd(): void {
  try {
    asked(NBD_CMD_RECONFIGURE, [], "use the kernel's NBD client");
  } catch (error) {
    if ((error as DeviceError).errno !== EINVAL) throw error;
  }
}

const socketsOf = (socket: number): Attribute => [
  NBD_ATTR_SOCKETS,
  [[NBD_SOCK_ITEM, [[NBD_SOCK_FD, u32(socket)]]]],
];

function asked(command: number, attributes: readonly Attribute[], what: string): void {
  const socket = native.genericNetlink();
  if (socket < 0) throw systemError(what, socket);
  try {
    const type = familyOf(socket, what);
    exchange(socket, { type, sequence: 2, command, attributes }, what);
  } finally {
    native.close(socket);
  }
}

/** The number that the kernel has given to "nbd". */
function familyOf(socket: number, what: string): number {
  const attributes: Attribute[] = [[CTRL_ATTR_FAMILY_NAME, text("nbd")]];
  let answers: Answer[];
  try {
    answers = exchange(
      socket,
      { type: GENL_ID_CTRL, sequence: 1, command: CTRL_CMD_GETFAMILY, attributes },
      what,
    );
  } catch (error) {
    if ((error as DeviceError).errno !== ENOENT) throw error;
    throw new DeviceError("unsupported", `${what}: its module is not loaded; as root: modprobe nbd`, {
      cause: error,
    });
  }
  const id = attributeOf(answers, CTRL_ATTR_FAMILY_ID);
  if (id?.length !== 2) throw new DeviceError("protocol", `${what}: netlink: the family has no number`);
  return new DataView(id.buffer, id.byteOffset).getUint16(0, true);
}

const attributeOf = (answers: readonly Answer[], type: number): Uint8Array | undefined =>
  answers
    .map((answer) => (answer.kind === "message" ? answer.attributes.get(type) : undefined))
    .find(Boolean);

/** The kernel does all that is asked of it within the write, and its answers lie there when that returns. */
function exchange(socket: number, request: Parameters<typeof encodeRequest>[0], what: string): Answer[] {
  const sent = native.write(socket, encodeRequest(request));
  if (sent < 0) throw systemError(what, sent);
  const answers: Answer[] = [];
  const room = new Uint8Array(ANSWER_BYTES);
  for (;;) {
    const length = native.read(socket, room);
    if (length < 0) throw systemError(what, length);
    for (const answer of decodeAnswers(room.slice(0, length))) {
      if (answer.sequence !== request.sequence) continue;
      if (answer.kind === "message") answers.push(answer);
      else if (answer.error === 0) return answers;
      else throw systemError(what, answer.error);
    }
  }
}
