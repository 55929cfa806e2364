// Runs in: fuzzing.
import assert from "node:assert/strict";
import {
  CLIENT_RECORD_TEXTS,
  ClientRecorder,
  clientRecordKinds,
  mapClientRecorder,
} from "../packages/channel/client-recorder.ts";
import { RING_BYTES, RingFollower } from "../packages/channel/entry-ring.ts";
import { RECORD_TEXTS, RingRecorder, recordKinds, requestId } from "../packages/channel/recorder.ts";
import { ChromeTrace } from "../packages/client/trace/chrome-trace.ts";
import type { TraceEvent } from "../packages/client/trace/tracks.ts";
import type { Target } from "./target.ts";

/** Of each ring, in an input: its head and ten entries. */
const PART = 64 * 11;
const NOW_US = 5000;
const buffer = new ArrayBuffer(RING_BYTES);
const ring = new Uint8Array(buffer);

function written(): Uint8Array {
  const client = new ClientRecorder(() => 4);
  const session = client.session(() => 3);
  const request = session.received(4711, 1, 512, 4096);
  session.part(request, { index: 7, room: () => new Uint8Array(0) });
  session.submitted(7, 1, 512);
  session.sent(7);
  session.completed(7, 0);
  session.replied(request, false);
  ring.fill(0);
  const driver = new RingRecorder(buffer, 0, { now: () => 4 });
  driver.request(1, 7, 1, 512);
  driver.turn(requestId(1, 7));
  driver.submit(1, 0x81, 512, requestId(1, 7));
  driver.reap(1, 512, 0);
  driver.log("read 512 bytes");
  driver.answer(1, 7, 0);
  return new Uint8Array(
    Buffer.concat([new Uint8Array(mapClientRecorder(client.memory.fd.fd), 0, PART), ring.subarray(0, PART)]),
  );
}

/** As a trace reads it that began before. */
function entriesOf(bytes: Uint8Array, texts: number) {
  ring.fill(0);
  ring.set(bytes);
  const follower = new RingFollower(buffer, 0, texts, 0, NOW_US);
  return [...follower.look(NOW_US), ...follower.look(NOW_US)];
}

export default {
  what: "what drivers and clients record, as a trace shows it",
  seeds: [written()],
  run(input) {
    const events: TraceEvent[] = [];
    const trace = new ChromeTrace((event) => events.push(event));
    trace.take({ type: "begins", device: "usb-1:1.0", driver: "d", operations: [{ nr: 1, name: "read" }] });
    trace.take({ type: "client", client: 1, name: "the block reflector", pid: 9, reflector: "block" });
    trace.take({ type: "channel", client: 1, channel: 3, hostChannel: 1 });
    trace.take({ type: "state", timeUs: 0, state: "running", reason: "", incarnation: 1, hostPid: 8 });
    const before = events.length;
    for (const entry of entriesOf(input.subarray(0, PART), CLIENT_RECORD_TEXTS)) {
      const kind = clientRecordKinds[entry.kind];
      if (kind !== undefined) trace.take({ type: "request", client: 1, ...entry, kind });
    }
    for (const entry of entriesOf(input.subarray(PART, 2 * PART), RECORD_TEXTS)) {
      const kind = recordKinds[entry.kind];
      if (kind !== undefined) trace.take({ type: "driver", ...entry, kind });
    }
    trace.finish(NOW_US);
    for (const { ph, ts, dur, pid, tid } of events) {
      assert.ok(pid > 0 && (ph === "M") === (ts === undefined), JSON.stringify({ ph, ts }));
      if (ph === "X") assert.ok(tid > 0 && Number.isFinite(ts) && dur! > 0);
    }
    const text = JSON.stringify(events);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f]|\\u00[01]/);
    return events.length > before;
  },
} satisfies Target;
