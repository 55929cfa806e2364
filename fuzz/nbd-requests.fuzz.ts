// Runs in: fuzzing.
import assert from "node:assert/strict";
import { describe, refusal } from "../packages/classes/block/endpoint-nbd-export.ts";
import {
  NBD_CMD_FLUSH,
  NBD_CMD_READ,
  NBD_CMD_TRIM,
  NBD_CMD_WRITE,
} from "../packages/kernel/nbd/constants.ts";
import {
  decodeRequest,
  encodeErrorChunk,
  encodeRequest,
  REQUEST_BYTES,
} from "../packages/kernel/nbd/transmission.ts";
import { disk } from "./nbd-disk.ts";
import type { Target } from "./target.ts";

const seed = (type: number, offset: number, length: number, flags = 0) =>
  encodeRequest({ type, flags, cookieHigh: 1, cookieLow: 2, offset, length });

export default {
  what: "requests at an NBD endpoint, from an application",
  seeds: [
    seed(NBD_CMD_READ, 4096, 65_536),
    seed(NBD_CMD_WRITE, 0, 512, 1),
    seed(NBD_CMD_FLUSH, 0, 0),
    seed(NBD_CMD_TRIM, 8192, 4096),
  ],
  run(input) {
    if (input.length < REQUEST_BYTES) return false;
    const request = decodeRequest(new DataView(input.buffer, input.byteOffset, input.length), 0);
    if (request === undefined) return false;
    assert.ok(describe(request).length < 100);
    for (const structured of [false, true]) {
      const refused = refusal(request, disk, structured);
      if (refused !== undefined)
        assert.ok(encodeErrorChunk(request, refused.error, refused.text).length < 4200);
      else if (request.type !== NBD_CMD_FLUSH) {
        const end: number = request.offset + request.length;
        assert.ok(request.length > 0 && end <= disk.bytes && end % disk.sectorBytes === 0);
      }
    }
    return refusal(request, disk, true) === undefined;
  },
} satisfies Target;
