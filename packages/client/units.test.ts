// Runs in: node --test. Owns: the units of a connection to a manager that the test plays.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DriverEnd } from "@ring3/channel/driver-end";
import { createDriverMemory } from "@ring3/channel/driver-memory";
import { block } from "@ring3/classes/block/contract";
import { recovery } from "@ring3/classes/block/recovery";
import { clientEdge, type UnitInfo } from "@ring3/control/client-edge";
import { Answer, type Handlers, type ServingPeer, servingPeer } from "@ring3/control/peer";
import { DeviceError } from "@ring3/core/errors";
import { systemClock } from "@ring3/kernel/clock/clock";
import { type Descriptor, duplicate, pipe } from "@ring3/kernel/fd/descriptor";
import { FrameSocket, socketPair } from "@ring3/kernel/socket/frame-socket";
import { ManagerConnection } from "./manager-connection.ts";
import { Units } from "./units.ts";

const unit = "usb-1-1:1.0#0";
const device = "usb-1-1:1.0";
const info: UnitInfo = {
  unit,
  device,
  class: "block",
  alias: null,
  name: "a stick",
  properties: block.properties!.create(),
  operations: ["read"],
  identity: { vendor: "1209", product: "0001", serial: "S1" },
  enumeration: 1,
  incarnation: 1,
};
const blockClass = { contract: block, recovery };

/** `told`: what the manager has on its way when it is asked something. */
function connected(
  told: readonly UnitInfo[],
  wait = () => ({ reached: true, device, state: "running", reason: "" }),
) {
  const [ours, theirs] = socketPair();
  const asked: string[] = [];
  const ask = (method: string, answer: () => object) => () => {
    asked.push(method);
    for (const info of told) manager.notify("unitAdded", info);
    return answer();
  };
  const handlers = {
    wait: ask("wait", wait),
    close: ask("close", () => ({})),
    open: ask("open", () => {
      throw new DeviceError("denied", "open: played");
    }),
  } as unknown as Handlers<typeof clientEdge, Descriptor, ServingPeer<typeof clientEdge>>;
  const ignored = { suspect() {}, progress() {}, replayed() {}, endpoint() {}, profile() {} };
  const manager = servingPeer<typeof clientEdge, Descriptor>(
    clientEdge,
    new FrameSocket(theirs),
    handlers,
    ignored,
  );
  const units = new Units((notices) => new ManagerConnection(() => ours, notices, systemClock), systemClock);
  return { units, asked, [Symbol.dispose]: () => manager.close() };
}

test("a unit that is told of just now can be opened: what was sent before an answer is there with it", async () => {
  using client = connected([info]);
  await assert.rejects(client.units.open(unit, blockClass, "read"), /open: played/);
  assert.deepEqual(client.asked, ["wait", "open", "close"]);
});

test("a unit that is not there cannot be opened", async () => {
  using client = connected([]);
  const none = { kind: "invalid", message: /^open usb-1-1:1\.0#0: there is no such unit; see: ring3 status/ };
  await assert.rejects(client.units.open(unit, blockClass, "read"), none);
  assert.deepEqual(client.asked, ["wait"]);
});

test("a name that means several devices, or cannot be one's, is no unit's either", async () => {
  using client = connected([], () => {
    throw new DeviceError("invalid", "usb-1 means several devices");
  });
  await assert.rejects(
    client.units.open("usb-1#0", blockClass, "read"),
    /^DeviceError: open usb-1#0: there is no such unit/,
  );
});

type Served = ServingPeer<typeof clientEdge>;

/** A client of managers that come one after the other; `subscribe` answers for the one whose number (from 0) it is given. */
function succeeding(
  subscribe: (manager: number, peer: Served) => object,
  open: (memory: Descriptor) => Answer<object> = () => assert.fail(),
) {
  const peers: Served[] = [];
  const events: string[] = [];
  const subscribed: unknown[] = [];
  const connect = () => {
    const [ours, theirs] = socketPair();
    const number = peers.length;
    const handlers = {
      subscribe: (params: unknown, _: unknown, peer: Served) => {
        subscribed.push(params);
        return subscribe(number, peer);
      },
      open: (_: unknown, [memory]: [Descriptor]) => open(memory),
      close: () => ({}),
    } as unknown as Handlers<typeof clientEdge, Descriptor, Served>;
    const ignored = { suspect() {}, progress() {}, replayed() {}, endpoint() {}, profile() {} };
    peers.push(
      servingPeer<typeof clientEdge, Descriptor>(clientEdge, new FrameSocket(theirs), handlers, ignored),
    );
    return ours;
  };
  const resumed = Promise.withResolvers<void>();
  const units = new Units((notices) => new ManagerConnection(connect, notices, systemClock), systemClock, {
    added: ({ unit }) => events.push(`added ${unit}`),
    removed: ({ unit }, reason) => events.push(`removed ${unit}: ${reason}`),
    resumed: () => resumed.resolve(),
  });
  const dies = (manager: number) => peers[manager]!.close();
  return { units, peers, dies, events, subscribed, resumed: resumed.promise };
}

const other = { ...info, unit: "usb-1-2:1.0#0" };
const goneMeanwhile = [
  "added usb-1-1:1.0#0",
  "added usb-1-2:1.0#0",
  "removed usb-1-2:1.0#0: it went while ring3's manager was replaced",
];
const answer = { client: "secret", channels: [] };
const never = new Promise(() => {});

test("another manager: it is told who we were, and what it does not know of is gone", async () => {
  const { units, dies, events, subscribed, resumed } = succeeding((manager, peer) => {
    for (const unit of manager === 0 ? [info, other] : [info]) peer.notify("unitAdded", unit);
    return answer;
  });
  await units.subscribe("block");
  dies(0);
  await resumed;
  assert.deepEqual(subscribed, [
    { class: "block", formerly: null },
    { class: "block", formerly: "secret" },
  ]);
  assert.deepEqual(events, goneMeanwhile);
  units.connection.disconnect();
});

test("a manager that dies with its first answer is answered to by nobody: the next one is subscribed to all the same", async () => {
  const { units, dies, subscribed, resumed } = succeeding((manager) => {
    if (manager === 0) setImmediate(dies, 0); // both are there when the client looks
    return answer;
  });
  await Promise.all([units.subscribe("block"), resumed]);
  assert.deepEqual(subscribed, [
    { class: "block", formerly: null },
    { class: "block", formerly: "secret" },
  ]);
  units.connection.disconnect();
});

test("another manager before the first has answered who we are: whoever listens hears of it, and of what has gone", async () => {
  const { units, dies, events, resumed } = succeeding((manager, peer) => {
    for (const unit of manager === 0 ? [info, other] : [info]) peer.notify("unitAdded", unit);
    if (manager === 0) setImmediate(dies, 0);
    return manager === 0 ? never : answer;
  });
  await Promise.all([resumed, units.subscribe("block")]);
  assert.deepEqual(events, goneMeanwhile);
  units.connection.disconnect();
});

test("a debugger holds the driver and its manager dies: deadlines run again, unless the next manager says that it still does", async () => {
  const [toDriver, toClient] = [pipe(), pipe()];
  const cancelled = Promise.withResolvers<void>();
  let driver!: DriverEnd;
  const { units, peers, dies, resumed } = succeeding(
    (manager, peer) => {
      peer.notify("unitAdded", info);
      return { client: "secret", channels: manager === 0 ? [] : [1] };
    },
    (memory) => {
      const own = createDriverMemory(block);
      const side = { memory, bellIn: toDriver.read, bellOut: toClient.write, own: duplicate(own.fd.fd) };
      const request = { submitted() {}, cancelled: () => cancelled.resolve(), malformed: assert.fail };
      driver = new DriverEnd(block, { ...side, generation: 1, poll: false }, request);
      own.seal();
      driver.start();
      const { properties, operations } = info;
      const result = { incarnation: 1, properties, operations, cancelMs: 5, poll: false };
      return new Answer(result, [own.fd, toClient.read, toDriver.write]);
    },
  );
  await units.subscribe("block");
  const session = await units.open(unit, blockClass, "read");
  peers[0]!.notify("paused", { channel: 1, held: true });
  const input = { lba: 0, count: 1, medium: 0 };
  const reading = assert.rejects(session.end.request("read", input, { length: 512, deadlineMs: 1 }));
  dies(0);
  await resumed;
  await cancelled.promise;
  driver.close();
  units.connection.disconnect();
  await reading;
  session.end.close();
});
