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
const NBD_ATTR_TIMEOUT = 4;
const NBD_ATTR_SERVER_FLAGS = 5;
const NBD_ATTR_SOCKETS = 7;
const NBD_ATTR_DEAD_CONN_TIMEOUT = 8;
const NBD_SOCK_ITEM = 1;
const NBD_SOCK_FD = 1;

const ENOENT = 2;
const ANSWER_BYTES = 16_384;

export interface NbdDevice {
  /** A number that is free; undefined: the kernel chooses. */
  readonly index?: number | undefined;
  /** Connected, past its negotiation; the kernel keeps it, and the caller may close its own. */
  readonly socket: number;
  readonly bytes: number;
  /** A power of two from 512 to a page. */
  readonly blockBytes: number;
  /** Transmission flags, NBD's proto.md. */
  readonly flags: number;
  /** A request that was not answered for so long is sent again; those of a connection that has ended too, and not before. */
  readonly timeoutSeconds: number;
  /** How long requests wait for another socket once this one has ended. */
  readonly deadSeconds: number;
}

/** Makes /dev/nbdN and resolves with N. DeviceError "unsupported" without the kernel's module, "busy" where N is used, "denied" without CAP_SYS_ADMIN. */
export function connectNbd(device: NbdDevice): number {
  const { index, socket, bytes, blockBytes, flags, timeoutSeconds, deadSeconds } = device;
  const attributes: Attribute[] = [
    ...(index === undefined ? [] : [[NBD_ATTR_INDEX, u32(index)] as const]),
    [NBD_ATTR_SIZE_BYTES, u64(bytes)],
    [NBD_ATTR_BLOCK_SIZE_BYTES, u64(blockBytes)],
    [NBD_ATTR_TIMEOUT, u64(timeoutSeconds)],
    [NBD_ATTR_SERVER_FLAGS, u64(flags)],
    [NBD_ATTR_DEAD_CONN_TIMEOUT, u64(deadSeconds)],
    ...socketsOf(socket),
  ];
  const answers = asked(NBD_CMD_CONNECT, attributes, `connect /dev/nbd${index ?? "N"}`);
  const made = attributeOf(answers, NBD_ATTR_INDEX);
  if (made?.length !== 4)
    throw new DeviceError("protocol", "connect /dev/nbdN: the kernel does not say which");
  return new DataView(made.buffer, made.byteOffset).getUint32(0, true);
}

/** Another socket in place of one that has ended: requests that wait are sent there. */
export function reconnectNbd(index: number, socket: number): void {
  asked(
    NBD_CMD_RECONFIGURE,
    [[NBD_ATTR_INDEX, u32(index)], ...socketsOf(socket)],
    `reconnect /dev/nbd${index}`,
  );
}

/** Ends the connection; whoever has the disk open sees errors from then on. */
export function disconnectNbd(index: number): void {
  asked(NBD_CMD_DISCONNECT, [[NBD_ATTR_INDEX, u32(index)]], `disconnect /dev/nbd${index}`);
}

const socketsOf = (socket: number): Attribute[] => [
  [NBD_ATTR_SOCKETS, [[NBD_SOCK_ITEM, [[NBD_SOCK_FD, u32(socket)]]]]],
];

function asked(command: number, attributes: readonly Attribute[], what: string): Answer[] {
  const socket = native.genericNetlink();
  if (socket < 0) throw systemError(what, socket);
  try {
    const type = familyOf(socket, what);
    return exchange(socket, { type, sequence: 2, command, attributes }, what);
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
    throw new DeviceError("unsupported", `${what}: the kernel's nbd module is not loaded (modprobe nbd)`, {
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
