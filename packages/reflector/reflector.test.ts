// Runs in: node --test. Owns: a reflector between a manager and endpoints that are played here: what becomes of a unit while its endpoints are made.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type InputClass, input } from "@ring3/classes/input/contract";
import { inputClass } from "@ring3/client/classes";
import { ManagerConnection } from "@ring3/client/manager-connection";
import { clientEdge, type UnitInfo } from "@ring3/control/client-edge";
import type { Tell } from "@ring3/control/edge";
import { type Handlers, type ServingPeer, servingPeer } from "@ring3/control/peer";
import { manualClock } from "@ring3/core/clock";
import type { Contract } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import { createLog } from "@ring3/core/log";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { FrameSocket, socketPair } from "@ring3/kernel/socket/frame-socket";
import type { Endpoint, EndpointParts, ReflectedClass } from "./classes.ts";
import { Reflector } from "./reflector.ts";

type Edge = typeof clientEdge;
type Manager = ServingPeer<Edge>;

const unit = "usb-1-1:1.0#0";
const info: UnitInfo = {
  unit,
  device: "usb-1-1:1.0",
  class: "input",
  alias: null,
  name: "a keyboard",
  properties: input.properties!.create(),
  operations: [],
  identity: { vendor: "1209", product: "0001", serial: "S1" },
  enumeration: 1,
  incarnation: 1,
};

/** `meanwhile`: what the manager tells while the unit's first endpoint is made, whose session is number 1. Resolves once there is one that is announced. */
async function reflected(meanwhile: (manager: Manager) => void) {
  const clock = manualClock();
  const heard: string[] = [];
  const announced = Promise.withResolvers<Tell<Edge, "endpoint">>();
  const [ours, theirs] = socketPair();
  const [standby] = socketPair();
  let made = 0;

  /** It takes two turns of the loop, and what is to be done in the next turn is done before the second. */
  async function startEndpoints({ open, profile }: EndpointParts<InputClass>): Promise<Endpoint[]> {
    const address = `/dev/input/event${++made}`;
    const port = await open("write");
    await profile.last();
    clock.advance(0);
    return [
      {
        kind: "uinput",
        address,
        changed: () => void heard.push(`${address} changed`),
        use: (wanted) => void heard.push(`${address} uses ${wanted}`),
        disconnectAll: (reason) => void heard.push(`${address} hangs up: ${reason}`),
        async close() {
          heard.push(`${address} closed`);
          await port.close();
        },
      },
    ];
  }

  const handlers = {
    subscribe: (_: unknown, __: unknown, manager: Manager) => {
      manager.notify("unitAdded", info);
      return { client: "secret", channels: [] };
    },
    open() {
      throw new DeviceError("busy", "its driver is not there yet");
    },
    close: () => ({}),
    inputProfile: (_: unknown, __: unknown, manager: Manager) => {
      if (made === 1) meanwhile(manager);
      return { profile: null };
    },
  } as unknown as Handlers<Edge, Descriptor, Manager>;
  const tells = { suspect() {}, progress() {}, replayed() {}, profile() {}, endpoint: announced.resolve };
  const manager = servingPeer<Edge, Descriptor>(clientEdge, new FrameSocket(theirs), handlers, tells);
  const reflector = new Reflector(
    { client: inputClass, startEndpoints } as unknown as ReflectedClass<Contract>,
    (stream, notices) => new ManagerConnection(stream, notices, clock),
    [ours, standby],
    clock,
    createLog("test", ({ message }) => void heard.push(message), clock),
  );
  await reflector.start();
  const { address } = await announced.promise;
  manager.close();
  return { address, heard };
}

test("a unit that goes and comes again while its endpoint is made has one that was made anew", async () => {
  const { address, heard } = await reflected((manager) => {
    manager.notify("unitRemoved", { unit, kind: "disconnected", reason: "stopped" });
    manager.notify("unitAdded", info);
  });
  assert.equal(address, "/dev/input/event2");
  assert.deepEqual(heard, [
    "/dev/input/event1 hangs up: it went while its endpoints were made",
    "/dev/input/event1 closed",
  ]);
});

test("an endpoint whose session ends while it is made hangs up as soon as it is there, once", async () => {
  const { address, heard } = await reflected((manager) => {
    const lost = { channel: 1, incarnation: 1, final: true, outside: true, shared: false } as const;
    manager.notify("lost", { ...lost, kind: "denied", text: "it is another's now" });
  });
  assert.equal(address, "/dev/input/event1");
  assert.deepEqual(heard, ["/dev/input/event1 hangs up: usb-1-1:1.0#0: it is another's now: not allowed"]);
});

test("a profile that is wanted while an endpoint is made is used as soon as that is there", async () => {
  const { heard } = await reflected((manager) => manager.notify("profile", { unit, profile: "night" }));
  assert.deepEqual(heard, ["/dev/input/event1 uses night"]);
});

test("a unit whose properties change while its endpoint is made is looked at again as soon as that is there", async () => {
  const { heard } = await reflected((manager) => manager.notify("unitChanged", { ...info, incarnation: 2 }));
  assert.deepEqual(heard, ["/dev/input/event1 changed"]);
});
