// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { backoffMs } from "@ring3/core/lifecycle";
import { createLog } from "@ring3/core/log";
import { type Descriptor, nullDevice } from "@ring3/kernel/fd/descriptor";
import { native } from "@ring3/kernel/native";
import { socketPair } from "@ring3/kernel/socket/unix";
import { noLegacy } from "./fake-host.fixture.ts";
import { Reflectors } from "./reflectors.ts";

function setUp() {
  const clock = manualClock();
  const log: string[] = [];
  const said: string[] = [];
  const held: Descriptor[] = [];
  let standby = (): Descriptor => assert.fail("nobody is connected");
  let dies = (): void => {};
  let refusals = 0;
  const processes = {
    async start(label: string) {
      if (refusals-- > 0) throw new Error("no processes are left");
      return { name: `${label}/0.2`, pid: 8, kill() {} };
    },
    takeOver(child: { name: string; pid: number }, exited: (exit: { code: null; signal: string }) => void) {
      dies = () => exited({ code: null, signal: "SIGKILL" });
      return { ...child, kill() {} };
    },
  };
  const reflectors = new Reflectors({
    processes: processes as never,
    legacy: {
      ...noLegacy,
      drop: (name) => void log.push(`drop ${name}`),
      hold: (name, descriptors) => {
        log.push(`hold ${name}`);
        held.push(...(descriptors as Descriptor[]));
      },
    },
    log: createLog("test", ({ message }) => said.push(message), clock),
    clock,
    random: { next: () => 0 },
    node: "node",
    program: "reflector.cjs",
    needs: () => [],
    died() {},
    connected: (_which, _transport, give) => {
      standby = give;
    },
  });
  const inherit = (connection: Descriptor, living: boolean) =>
    reflectors.inherit({ name, record: { class: "block", pid: 7, host: null }, held: [connection] }, living);
  const refuse = (starts: number) => {
    refusals = starts;
  };
  return {
    reflectors,
    inherit,
    refuse,
    clock,
    log,
    said,
    held,
    standby: () => standby(),
    dies: () => dies(),
  };
}

const name = "reflector/block/0.1";

test("of a reflector that died with its manager nothing is kept", () => {
  const { reflectors, inherit, log } = setUp();
  const connection = nullDevice();
  inherit(connection, false);
  assert.deepEqual([log, connection.fd, reflectors.running], [[`drop ${name}`], -1, []]);
});

test("of a reflector that lives the keeper holds another connection at once, whose other end it gets when it asks", () => {
  const { reflectors, inherit, log, held, standby } = setUp();
  const [ours, theirs] = socketPair();
  inherit(ours, true);
  assert.deepEqual([log, reflectors.running], [[`hold ${name}`], [{ class: "block", pid: 7 }]]);
  const [next, other] = [held[0]!, standby()];
  assert.equal(native.write(next.fd, new Uint8Array(3)), 3);
  assert.equal(native.read(other.fd, new Uint8Array(9)), 3);
  const again = standby();
  assert.deepEqual(log, [`hold ${name}`, `hold ${name}`]);
  for (const descriptor of [ours, theirs, other, again, ...held]) descriptor.close();
});

test("a reflector that dies before it has asked for its next connection leaves none", () => {
  const { inherit, held, dies } = setUp();
  const [ours, theirs] = socketPair();
  inherit(ours, true);
  dies();
  assert.equal(native.read(held[0]!.fd, new Uint8Array(1)), 0); // its other end is closed
  for (const descriptor of [ours, theirs, ...held]) descriptor.close();
});

test("the first manager's reflector cannot be started: that is told to whoever starts ring3", async () => {
  const { reflectors, refuse } = setUp();
  refuse(1);
  await assert.rejects(reflectors.start("block", false), /no processes are left/);
});

test("a later manager's reflector cannot be started: the manager goes on and tries again, later each time", async () => {
  const { reflectors, refuse, clock, said, held } = setUp();
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  refuse(2);
  await reflectors.start("block", true);
  await settled();
  clock.advance(backoffMs(1, { next: () => 0 }));
  await settled();
  await reflectors.start("block", true); // whoever asks again waits as well
  await settled();
  assert.deepEqual(reflectors.running, []);
  clock.advance(backoffMs(2, { next: () => 0 }));
  await settled();
  assert.deepEqual(reflectors.running, [{ class: "block", pid: 8 }]);
  assert.equal(said.length, 2);
  for (const text of said)
    assert.match(
      text,
      /^the block reflector cannot be started \(no processes are left\); it is started again in \d+ ms$/,
    );
  for (const descriptor of held) descriptor.close();
});
