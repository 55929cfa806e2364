// Runs in: fuzzing.
import assert from "node:assert/strict";
import { DeviceError } from "@ring3/core/errors";
import { negotiate } from "../packages/classes/block/endpoint-nbd-negotiation.ts";
import {
  NBD_INFO_BLOCK_SIZE,
  NBD_OPT_ABORT,
  NBD_OPT_EXPORT_NAME,
  NBD_OPT_GO,
  NBD_OPT_INFO,
  NBD_OPT_LIST,
  NBD_OPT_STRUCTURED_REPLY,
} from "../packages/kernel/nbd/constants.ts";
import { encodeClientFlags, encodeInfoRequest, encodeOption } from "../packages/kernel/nbd/handshake.ts";
import { disk } from "./nbd-disk.ts";
import { bytesOf, type Target } from "./target.ts";

const seed = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const go = encodeOption(NBD_OPT_GO, encodeInfoRequest("disk", [NBD_INFO_BLOCK_SIZE]));
/** What it is asked to read is there already or will not be: the client has said all that it has to say. */
const ANSWERS_MAX = 64 << 10;

export default {
  what: "the negotiation at an NBD endpoint, from an application",
  seeds: [
    seed(encodeClientFlags(3), go),
    seed(encodeClientFlags(1), encodeOption(NBD_OPT_EXPORT_NAME, bytesOf("disk"))),
    seed(encodeClientFlags(3), encodeOption(NBD_OPT_LIST), encodeOption(NBD_OPT_STRUCTURED_REPLY), go),
    seed(
      encodeClientFlags(3),
      encodeOption(NBD_OPT_INFO, encodeInfoRequest("", [])),
      encodeOption(NBD_OPT_ABORT),
    ),
  ],
  words: [encodeOption(NBD_OPT_LIST), encodeOption(NBD_OPT_STRUCTURED_REPLY), go],
  async run(input) {
    let at = 0;
    let written = 0;
    const stream = {
      async read(length: number) {
        if (at + length > input.length) throw new DeviceError("disconnected", "read of a client that left");
        at += length;
        return input.slice(at - length, at);
      },
      async write(bytes: Uint8Array) {
        written += bytes.length;
      },
    };
    const offer = { exportName: "disk", aliases: [], description: "a disk", enter: async () => disk };
    const agreed = await negotiate(stream, offer);
    assert.ok(written <= ANSWERS_MAX * (1 + input.length / 16), `${written} bytes of answers`);
    return agreed !== undefined;
  },
} satisfies Target;
