// Runs in: node --test. An Xbox One controller that says more than can be answered.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Context, Gamepad } from "@ring3/sdk";
import { OneController } from "./one-controller.ts";
import type { Pipes } from "./pipes.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
const ANNOUNCEMENT = Uint8Array.of(2, 0x20, 1, 28, ...new Uint8Array(28));

/** A controller behind pipes of the test's: what it is sent, and how it is told something. */
function far(send: () => Promise<void>) {
  let listener: (message: Uint8Array) => void = () => {};
  const sent: string[] = [];
  const log: string[] = [];
  const pipes = {
    send(message: Uint8Array) {
      sent.push(Buffer.from(message).toString("hex"));
      return send();
    },
    listen(to: typeof listener) {
      listener = to;
    },
  } as unknown as Pipes;
  const ctx = {
    ...{ incarnation: 2, rests: 0, device: { id: "usb-test:1.0" }, scope: new AsyncDisposableStack() },
    ...{ limit: () => ({ [Symbol.dispose]() {} }), timestampUs: () => 0, emit() {} },
    log: { warn: (message: string) => log.push(message) },
  } as unknown as Context<Gamepad>;
  const identity = { vendorId: 0x045e, productId: 0x02d1, version: 0 };
  const controller = new OneController(ctx, pipes, { name: "pad" }, identity);
  return { controller, sent, log, deliver: (message: Uint8Array) => listener(message) };
}

test("one that goes on announcing itself once it has started is told to start each time, one after the other, and the log says so", async () => {
  const waiting: (() => void)[] = [];
  const { deliver, log, controller, sent } = far(() => new Promise((resolve) => waiting.push(resolve)));
  const started = controller.start();
  for (let asked = 0; asked < 4; asked++) {
    await turn();
    waiting.shift()!();
  }
  await started;
  for (let told = 0; told < 100; told++) deliver(ANNOUNCEMENT);
  assert.equal(sent.length, 5); // the motors', three to start, and the next one's first
  assert.match(log.join(), /^usb-test:1.0: told 5 times to start/);
  assert.equal(log.length, 1);
});

test("however many messages want to be acknowledged, one acknowledgement is on its way, and the last one's is the next", async () => {
  const waiting: (() => void)[] = [];
  let slow = false;
  const { deliver, controller, sent } = far(() =>
    slow ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(),
  );
  await controller.start();
  slow = true;
  sent.length = 0;
  for (let sequence = 1; sequence <= 50; sequence++) deliver(Uint8Array.of(7, 0x30, sequence, 2, 1, 0x5b));
  assert.deepEqual(sent, ["01200109000720020000000000"]);
  waiting.shift()!();
  await turn();
  assert.deepEqual(sent.slice(1), ["01203209000720020000000000"]);
});
