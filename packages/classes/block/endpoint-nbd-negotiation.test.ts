// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import {
  NBD_FLAG_SEND_DF,
  NBD_INFO_BLOCK_SIZE,
  NBD_INFO_DESCRIPTION,
  NBD_INFO_EXPORT,
  NBD_INFO_NAME,
  NBD_OPT_ABORT,
  NBD_OPT_EXPORT_NAME,
  NBD_OPT_GO,
  NBD_OPT_INFO,
  NBD_OPT_LIST,
  NBD_OPT_LIST_META_CONTEXT,
  NBD_OPT_STARTTLS,
  NBD_OPT_STRUCTURED_REPLY,
  NBD_REP_ACK,
  NBD_REP_ERR_INVALID,
  NBD_REP_ERR_POLICY,
  NBD_REP_ERR_SHUTDOWN,
  NBD_REP_ERR_UNKNOWN,
  NBD_REP_ERR_UNSUP,
  NBD_REP_INFO,
  NBD_REP_SERVER,
} from "@ring3/kernel/nbd/constants";
import {
  decodeOptionReplyHeader,
  decodeSizeAndFlags,
  encodeClientFlags,
  encodeInfoRequest,
  encodeOption,
  encodeServer,
  GREETING_BYTES,
  OPTION_REPLY_HEADER_BYTES,
} from "@ring3/kernel/nbd/handshake";
import fc from "fast-check";
import { diskExport } from "./endpoint-nbd-export.ts";
import { type Negotiated, type NegotiationStream, negotiate } from "./endpoint-nbd-negotiation.ts";
import { memoryDisk } from "./memory-disk.fixture.ts";

const disk = diskExport(memoryDisk().geometry, {
  slots: 8,
  slotBytes: 65_536,
  readOnly: false,
});
const flags = encodeClientFlags(3);
const utf8 = new TextEncoder();

/** A client that has said everything already. */
class Said implements NegotiationStream {
  #left: Buffer;
  readonly #answered: Uint8Array[] = [];

  constructor(...parts: Uint8Array[]) {
    this.#left = Buffer.concat(parts);
  }

  async read(length: number): Promise<Uint8Array> {
    if (this.#left.length < length) throw new DeviceError("disconnected", "read");
    const bytes = this.#left.subarray(0, length);
    this.#left = this.#left.subarray(length);
    return bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#answered.push(bytes);
  }

  get answers(): Buffer {
    return Buffer.concat(this.#answered).subarray(GREETING_BYTES);
  }

  get replies(): { option: number; type: number; data: Buffer }[] {
    const replies = [];
    for (let rest = this.answers; rest.length > 0; ) {
      const { option, type, length } = decodeOptionReplyHeader(rest)!;
      const end = OPTION_REPLY_HEADER_BYTES + length;
      replies.push({ option, type, data: rest.subarray(OPTION_REPLY_HEADER_BYTES, end) });
      rest = rest.subarray(end);
    }
    return replies;
  }
}

function haggle(stream: Said, refuse?: DeviceErrorKind): Promise<Negotiated | undefined> {
  return negotiate(stream, {
    exportName: "usb",
    aliases: ["backup"],
    description: "a disk",
    async enter() {
      if (refuse !== undefined) throw new DeviceError(refuse, "export the disk");
      return disk;
    },
  });
}

/** Kinds of the replies to some options, before the client leaves with ABORT. */
async function repliesTo(options: Uint8Array[], refuse?: DeviceErrorKind) {
  const stream = new Said(flags, ...options, encodeOption(NBD_OPT_ABORT));
  assert.equal(await haggle(stream, refuse), undefined);
  const replies = stream.replies;
  assert.deepEqual(replies.pop(), { option: NBD_OPT_ABORT, type: NBD_REP_ACK, data: Buffer.alloc(0) });
  return replies;
}

const info = (name: string, ...wanted: number[]) =>
  encodeOption(NBD_OPT_INFO, encodeInfoRequest(name, wanted));

for (const name of ["usb", "backup", ""]) {
  test(`GO for the export "${name}" enters transmission`, async () => {
    const stream = new Said(flags, encodeOption(NBD_OPT_GO, encodeInfoRequest(name, [])));
    assert.deepEqual(await haggle(stream), { disk, structured: false });
    assert.deepEqual(
      stream.replies.map(({ type }) => type),
      [NBD_REP_INFO, NBD_REP_INFO, NBD_REP_ACK],
    );
  });
}

test("GO tells size and flags, and block sizes unasked", async () => {
  const replies = await repliesTo([info("usb")]);
  assert.equal(replies[0]!.data.readUInt16BE(0), NBD_INFO_EXPORT);
  assert.deepEqual(decodeSizeAndFlags(replies[0]!.data, 2), { bytes: disk.bytes, flags: disk.flags });
  assert.equal(replies[1]!.data.readUInt16BE(0), NBD_INFO_BLOCK_SIZE);
});

test("name and description are told when asked for", async () => {
  const replies = await repliesTo([info("backup", NBD_INFO_NAME, NBD_INFO_DESCRIPTION, 77)]);
  assert.deepEqual(replies[2]!.data.toString("latin1"), `\0\x01usb`);
  assert.deepEqual(replies[3]!.data.toString("latin1"), `\0\x02a disk`);
  assert.equal(replies.length, 5);
});

test("structured replies are acknowledged, and allow DF", async () => {
  const stream = new Said(
    flags,
    encodeOption(NBD_OPT_STRUCTURED_REPLY),
    encodeOption(NBD_OPT_GO, encodeInfoRequest("", [])),
  );
  assert.deepEqual(await haggle(stream), { disk, structured: true });
  assert.equal(decodeSizeAndFlags(stream.replies[1]!.data, 2).flags, disk.flags | NBD_FLAG_SEND_DF);
});

test("LIST tells the export and its description", async () => {
  const replies = await repliesTo([encodeOption(NBD_OPT_LIST)]);
  assert.deepEqual(
    replies.map(({ type }) => type),
    [NBD_REP_SERVER, NBD_REP_ACK],
  );
  assert.deepEqual(new Uint8Array(replies[0]!.data), encodeServer("usb", "a disk"));
});

test("EXPORT_NAME is answered with size and flags, and zeroes for a client that wants them", async () => {
  const stream = new Said(flags, encodeOption(NBD_OPT_EXPORT_NAME, utf8.encode("usb")));
  assert.deepEqual(await haggle(stream), { disk, structured: false });
  assert.equal(stream.answers.length, 10);
  const old = new Said(encodeClientFlags(1), encodeOption(NBD_OPT_EXPORT_NAME));
  await haggle(old);
  assert.equal(old.answers.length, 134);
});

const wrongOptions: [string, Uint8Array, number, RegExp][] = [
  [
    "unknown option",
    encodeOption(4711, new Uint8Array(65_536)),
    NBD_REP_ERR_UNSUP,
    /option 4711 is not known here/,
  ],
  ["STARTTLS", encodeOption(NBD_OPT_STARTTLS), NBD_REP_ERR_UNSUP, /not known/],
  ["metadata contexts", encodeOption(NBD_OPT_LIST_META_CONTEXT), NBD_REP_ERR_UNSUP, /not known/],
  [
    "LIST with data",
    encodeOption(NBD_OPT_LIST, Uint8Array.of(1)),
    NBD_REP_ERR_INVALID,
    /expected no data, found 1 bytes/,
  ],
  [
    "STRUCTURED_REPLY with data",
    encodeOption(NBD_OPT_STRUCTURED_REPLY, Uint8Array.of(1)),
    NBD_REP_ERR_INVALID,
    /no data/,
  ],
  [
    "INFO that is cut short",
    encodeOption(NBD_OPT_INFO, new Uint8Array(3)),
    NBD_REP_ERR_INVALID,
    /at least 6 bytes/,
  ],
  [
    "INFO for another export",
    info("\u001b[2Jcd"),
    NBD_REP_ERR_UNKNOWN,
    /no export has the name "\[2Jcd"; this socket serves "usb"/,
  ],
];

for (const [name, option, type, text] of wrongOptions) {
  test(`${name} is refused with its reason, and negotiation goes on`, async () => {
    const [first, ...others] = await repliesTo([option]);
    assert.equal(first!.type, type);
    assert.match(first!.data.toString(), text);
    assert.deepEqual(others, []);
  });
}

const refusals: [DeviceErrorKind, number, RegExp][] = [
  ["busy", NBD_REP_ERR_POLICY, /in use/],
  ["denied", NBD_REP_ERR_POLICY, /not allowed/],
  ["no-medium", NBD_REP_ERR_UNKNOWN, /no medium is present/],
  ["disconnected", NBD_REP_ERR_UNKNOWN, /the device is gone/],
  ["cancelled", NBD_REP_ERR_SHUTDOWN, /cancelled/],
];

for (const [kind, type, text] of refusals) {
  test(`a disk that cannot be opened ("${kind}") is refused with its reason`, async () => {
    const [first] = await repliesTo([info("usb")], kind);
    assert.equal(first!.type, type);
    assert.match(first!.data.toString(), text);
  });
}

const fatal: [string, Uint8Array[], RegExp][] = [
  ["unknown client flags", [encodeClientFlags(4)], /client flags 0x4/],
  ["no option magic", [flags, new Uint8Array(16)], /without its magic/],
  ["an option of 65537 bytes", [flags, encodeOption(9, new Uint8Array(65_537))], /option 9 with 65537 bytes/],
  [
    "EXPORT_NAME of an unknown export",
    [flags, encodeOption(NBD_OPT_EXPORT_NAME, utf8.encode("x"))],
    /no export has the name "x"/,
  ],
];

for (const [name, said, message] of fatal) {
  test(`${name} ends the connection`, async () => {
    await assert.rejects(haggle(new Said(...said)), (error) => {
      assert.ok(error instanceof DeviceError && error.kind === "protocol");
      assert.match(error.message, message);
      return true;
    });
  });
}

test("EXPORT_NAME of a disk that cannot be opened ends the connection", async () => {
  const stream = new Said(flags, encodeOption(NBD_OPT_EXPORT_NAME));
  await assert.rejects(haggle(stream, "busy"), { kind: "busy" });
});

const option = fc
  .tuple(fc.oneof(fc.nat(12), fc.nat(0xffff_ffff)), fc.uint8Array({ maxLength: 40 }))
  .map(([number, data]) => encodeOption(number, data));
const infoOption = fc
  .tuple(
    fc.constantFrom(NBD_OPT_INFO, NBD_OPT_GO),
    fc.constantFrom("", "usb", "no"),
    fc.array(fc.nat(5), { maxLength: 6 }),
  )
  .map(([number, name, wanted]) => encodeOption(number, encodeInfoRequest(name, wanted)));
const garbage = fc.uint8Array({ maxLength: 40 });

test("whatever a client says, negotiation ends, and nothing but a DeviceError is thrown", async () => {
  const speech = fc.array(fc.oneof(option, infoOption, garbage), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.constant(flags), garbage), speech, async (first, rest) => {
      const [outcome] = await Promise.allSettled([haggle(new Said(first, ...rest))]);
      const error = (outcome as PromiseRejectedResult).reason ?? new DeviceError("protocol", "none");
      assert.ok(error instanceof DeviceError, String(error));
    }),
    { numRuns: 1000 },
  );
});
