// Runs in: node --test. An Xbox One controller that says more than can be answered.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Context, Gamepad } from "@ring3/sdk";
import { OneController } from "./one-controller.ts";
import type { Pipes } from "./pipes.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
/** The first of the parts of what it is. */
const IDENTITY = Uint8Array.of(4, 0xf0, 1, 58, 0x94, 1, ...new Uint8Array(58));
const ANNOUNCEMENT = Uint8Array.of(2, 0x20, 1, 28, ...new Uint8Array(28));

/** A controller behind pipes of the test's: what it is sent, and how it is told something. */
function far(send: () => Promise<void>) {
  let listener: (message: Uint8Array) => void = () => {};
  const sent: string[] = [];
  const pipes = {
    send(message: Uint8Array) {
      sent.push(Buffer.from(message).toString("hex"));
      if (message[0] === 4) queueMicrotask(() => listener(IDENTITY));
      return send();
    },
    listen(to: typeof listener) {
      listener = to;
    },
  } as unknown as Pipes;
  const ctx = {
    ...{ incarnation: 2, rests: 0, device: { id: "usb-test:1.0" }, scope: new AsyncDisposableStack() },
    ...{ limit: () => ({ [Symbol.dispose]() {} }), timestampUs: () => 0, emit() {} },
    ...{ sleep: () => new Promise(() => {}), state: { get: () => ({ isOn: true }), set() {} } },
  } as unknown as Context<Gamepad>;
  const identity = { vendorId: 0x045e, productId: 0x02d1, version: 0 };
  const controller = new OneController(ctx, pipes, { name: "pad" }, identity);
  return { controller, sent, deliver: (message: Uint8Array) => listener(message) };
}

test("one that goes on announcing itself once it has started is told to start each time, one after the other, and at the fifth ends the driver", async () => {
  const waiting: (() => void)[] = [];
  const { deliver, controller, sent } = far(() => new Promise((resolve) => waiting.push(resolve)));
  const started = controller.start();
  for (let asked = 0; asked < 5; asked++) {
    await turn();
    waiting.shift()!();
  }
  await started;
  sent.length = 0;
  for (let told = 0; told < 4; told++) deliver(ANNOUNCEMENT);
  assert.match(sent.join(), /^0520..0100$/); // the next one's first, and that what it is has come, is on its way
  assert.throws(() => deliver(ANNOUNCEMENT), {
    kind: "timeout",
    message: /^usb-test:1.0: told 5 times to start/,
  });
});

test("however many messages want to be acknowledged, one acknowledgement is on its way, and the last one's is the next", async () => {
  const waiting: (() => void)[] = [];
  let slow = false;
  const { deliver, controller, sent } = far(() =>
    slow ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(),
  );
  await controller.start();
  await turn();
  slow = true;
  sent.length = 0;
  for (let sequence = 1; sequence <= 50; sequence++) deliver(Uint8Array.of(7, 0x30, sequence, 2, 1, 0x5b));
  assert.deepEqual(sent, ["01200109000720020000000000"]);
  waiting.shift()!();
  await turn();
  assert.deepEqual(sent.slice(1), ["01203209000720020000000000"]);
});
