// Runs in: tests.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { RING_BYTES } from "@ring3/channel/entry-ring";
import { layoutOf } from "@ring3/channel/layout";
import { block } from "@ring3/classes/block/contract";
import { clientEdge } from "@ring3/control/client-edge";
import { type Config, defaultConfig, parseConfig } from "@ring3/control/config";
import { callingPeer } from "@ring3/control/peer";
import { manualClock } from "@ring3/core/clock";
import type { Contract } from "@ring3/core/contract";
import { createShared } from "@ring3/kernel/shm/memory";
import { FrameSocket, socketPair } from "@ring3/kernel/socket/frame-socket";
import { AbsentClients } from "./absent-clients.ts";
import type { Serving } from "./administration.ts";
import { AttachedBus } from "./attached-bus.ts";
import { ClientConnection } from "./clients.ts";
import { CrashStore } from "./crash-store.ts";
import { EndpointSockets } from "./endpoint-sockets.ts";
import { EventLog } from "./event-log.ts";
import {
  busDevice,
  code,
  codeBytes,
  FakeHosts,
  manifest,
  noLegacy,
  settled,
  unit,
} from "./fake-host.fixture.ts";
import { History } from "./history.ts";
import { Inputs } from "./inputs.ts";
import type { KernelDisks } from "./kernel-disks.ts";
import { Manager } from "./manager.ts";
import { Mappings } from "./mappings.ts";
import { Tracing } from "./tracing.ts";

const folder = mkdtempSync(join(tmpdir(), "ring3-clients-"));
const peers: { close(): void }[] = [];
after(() => {
  for (const peer of peers) peer.close();
  rmSync(folder, { recursive: true });
});

const layout = layoutOf(block as unknown as Contract);
const contract = { name: block.name, version: block.version, hash: block.hash };
const device = "usb-1-4:1.0";
const id = `${device}#0`;
const address = "nbd+unix:///x?socket=y";

/** A unit that the kernel has as a disk. */
let published: string | undefined;

function memory(size: number) {
  const shared = createShared("test", size);
  shared.seal();
  return shared.fd;
}

async function setUp(config: Config = defaultConfig, placement = "isolated") {
  const clock = manualClock();
  const hosts = new FakeHosts();
  const manager = new Manager({
    config,
    clock,
    random: { next: () => 0 },
    eventLog: new EventLog(join(folder, "events.jsonl")),
    startHost: hosts.start,
    expectHost: hosts.expect,
    sandboxed: true,
    legacy: noLegacy,
    crashed() {},
    drivers: () => [{ manifest: { ...manifest, placement }, code, codeBytes, sourceMap: undefined }],
  });
  let tokens = 0;
  const history = History.of(manager, clock, noLegacy);
  const serving: Serving = {
    manager,
    clock,
    processors: () => "anywhere",
    tracing: new Tracing(clock, manager.claims),
    history,
    crashes: new CrashStore(join(folder, "crashes"), manager.log),
    attached: new AttachedBus(
      { clock, legacy: noLegacy, returnMs: 10_000 },
      (id) => manager.isPresent(id),
      () => {},
      () => {},
    ),
    sandboxed: true,
    uid: 500,
    group: () => "ring3",
    accountOf: (uid, gid) => ({ uid, user: null, gids: [gid], groups: [] }),
    absent: new AbsentClients(clock, 10_000, manager.claims),
    newToken: () => `token ${++tokens}`,
    startedAt: 0,
    timeScale: 1,
    keeperPid: 1,
    reflectors: () => [],
    sockets: new EndpointSockets(folder),
    disks: { has: (unit: string) => unit === published } as KernelDisks,
    keepDisks() {},
    inputs: new Inputs(manager.log),
    mappings: new Mappings({
      file: "/nowhere/mapping.yaml",
      named: false,
      look() {},
      manager,
      legacy: noLegacy,
    }),
    endpoints: new Map(),
  };
  const run = async () => {
    await hosts.last.runs(unit());
  };
  const connect = (uid: number, reflector?: string, inline?: string) => {
    const [ours, theirs] = socketPair();
    const logged: string[] = [];
    const units: string[] = [];
    const seen: string[] = [];
    const mapped: string[] = [];
    const account = () => ({ uid, user: null, gids: [], groups: [] });
    const identity = {
      name: `process of ${uid}`,
      uid,
      pid: 4711,
      account,
      ...(reflector === undefined ? {} : { reflector }),
      ...(inline === undefined ? {} : { inline }),
    };
    new ClientConnection(new FrameSocket(ours), identity, serving);
    const notices = {
      log: ({ message }: { message: string }) => logged.push(message),
      unitAdded: ({ unit }: { unit: string }) => units.push(unit),
      device: ({ state }: { state: string }) => seen.push(`device ${state}`),
      passage: ({ state }: { state: string }) => seen.push(`passage ${state}`),
      metrics: () => seen.push("metrics"),
      inFlight: ({ device }: { device: string }) => seen.push(`in flight ${device}`),
      mapping: ({ text }: { text: string }) => mapped.push(`${text} behind ${units.length} units`),
    };
    const peer = callingPeer(clientEdge, new FrameSocket(theirs), notices);
    peers.push(peer);
    return { peer, logged, units, seen, mapped };
  };
  const endpoints = async () => (await connect(500).peer.call("status", {})).result.devices[0]!.units;
  void manager.added(busDevice());
  await run();
  return { manager, hosts, clock, connect, run, endpoints, serving };
}

test("the twelfth driver that an application suspects within a minute ends its connection, not the driver's name", async () => {
  const { manager, hosts, connect, run } = await setUp();
  const { peer } = connect(500);
  const { life } = manager.devices[0]!;
  assert.equal(life.state, "running");
  for (let channel = 1; channel <= 12; channel++) {
    const { fds } = await peer.call("open", { channel, opening: 1, unit: id, mode: "read", contract }, [
      memory(layout.client.size),
    ]);
    for (const fd of fds) fd.close();
    const host = hosts.last;
    peer.tell("progress", { channel }); // so that no back-off follows
    peer.tell("suspect", { channel, kind: "deadline", text: "it hangs" });
    peer.tell("suspect", { channel, kind: "deadline", text: "it hangs" });
    await peer.call("status", {}).catch(() => {}); // the last one ends with the connection
    await host.dies();
    await run();
  }
  const { state, failures, outsideFailures } = manager.devices[0]!.life;
  assert.deepEqual([state, failures, outsideFailures], ["running", 0, 1]);
  assert.ok(peer.signal.aborted);
  assert.match(
    manager.eventLog
      .entries(null)
      .map(({ message }) => message)
      .join("\n"),
    /process of 500 is hung up on: it suspected drivers 12 times/,
  );
});

test("what the kernel has as a disk no application writes to; it may read", async (context) => {
  const { connect } = await setUp();
  published = id;
  context.after(() => {
    published = undefined;
  });
  const { peer } = connect(500);
  const open = (channel: number, mode: "read" | "write") =>
    peer.call("open", { channel, opening: channel, unit: id, mode, contract }, [memory(layout.client.size)]);
  await assert.rejects(open(1, "write"), { kind: "busy", message: /the kernel has it as a disk/ });
  const { fds } = await open(2, "read");
  for (const fd of fds) fd.close();
});

test("an endpoint that a reflector has told of ends with its unit and with the reflector", async () => {
  const { manager, hosts, connect, run, endpoints } = await setUp();
  const reflector = connect(500, "block").peer;
  const announce = async (unit: string) => {
    reflector.tell("endpoint", { unit, kind: "nbd", address });
    await reflector.call("status", {});
  };
  const one = [{ id, endpoints: [{ kind: "nbd", address }] }];
  await announce(id);
  await announce("usb-9:1.0#7");
  assert.deepEqual(await endpoints(), one);
  const stopped = manager.devices[0]!.stop();
  await settled();
  await hosts.last.dies();
  await stopped;
  manager.start(manager.devices[0]!, false);
  await run();
  assert.deepEqual(await endpoints(), [{ id, endpoints: [] }]);
  await announce(id);
  assert.deepEqual(await endpoints(), one);
  reflector.close();
  await settled();
  assert.deepEqual(await endpoints(), [{ id, endpoints: [] }]);
});

test("the log is followed once a connection, whatever was asked for before", async () => {
  const { manager, connect } = await setUp();
  const { peer, logged } = connect(500);
  for (const which of [null, device, null]) await peer.call("logs", { device: which, follow: true });
  manager.log.info("one line");
  await peer.call("status", {});
  assert.deepEqual(logged, ["one line"]);
});

const open = { channel: 1, opening: 1, unit: id, mode: "read", contract } as const;
const others: readonly (readonly [what: string, config: Config])[] = [
  ["without an access rule", defaultConfig],
  ["with a rule for another device", parseConfig("access: [{ uid: 1001, device: usb-2, mode: write }]", "x")],
];

for (const [what, config] of others)
  test(`who is neither root nor ring3's user, ${what}: there is no device, no log, and nothing to change`, async () => {
    const { manager, hosts, clock, connect } = await setUp(config);
    const { peer, units } = connect(1001);
    for (const ask of [
      peer.call("stop", { device }),
      peer.call("explain", { device }),
      peer.call("logs", { device: null, follow: false }),
      peer.call("logs", { device, follow: true }),
    ])
      await assert.rejects(ask, { kind: "denied", message: /only root and the user of ring3 may/ });
    await assert.rejects(peer.call("open", open, [memory(layout.client.size)]), {
      kind: "denied",
      message: /access rule/,
    });
    assert.deepEqual((await peer.call("status", {})).result.devices, []);
    const waiting = peer.call("wait", { device, state: "running", timeoutMs: 1000 });
    await peer.call("subscribe", { class: null, formerly: null });
    manager.restart(manager.devices[0]!);
    await settled();
    await hosts.last.dies();
    await hosts.last.runs(unit());
    await peer.call("status", {});
    assert.deepEqual(units, []);
    clock.advance(1000);
    const { reached, device: found } = (await waiting).result;
    assert.deepEqual([reached, found], [false, null]);
  });

test("who may read a device sees it, and learns of its units", async () => {
  const { connect } = await setUp(parseConfig(`access: [{ uid: 1001, device: usb-1-4, mode: read }]`, "x"));
  const { peer, units } = connect(1001);
  assert.equal((await peer.call("status", {})).result.devices[0]!.state, "running");
  assert.equal(
    (await peer.call("wait", { device: "usb-1", state: "running", timeoutMs: 0 })).result.reached,
    true,
  );
  await peer.call("subscribe", { class: null, formerly: null });
  assert.deepEqual(units, [id]);
  const { fds } = await peer.call("open", open, [memory(layout.client.size)]);
  for (const fd of fds) fd.close();
  await assert.rejects(
    peer.call("open", { ...open, channel: 2, mode: "write" }, [memory(layout.client.size)]),
    {
      kind: "denied",
    },
  );
});

test("an application that tells of endpoints is hung up on", async () => {
  const { connect } = await setUp();
  const { peer } = connect(500);
  peer.tell("endpoint", { unit: id, kind: "nbd", address });
  await new Promise((end) => peer.signal.addEventListener("abort", end));
});

test("a wait is answered when the device gets there, or when its time is over", async () => {
  const { manager, hosts, connect } = await setUp();
  const { peer } = connect(500);
  const stopped = peer.call("wait", { device, state: "stopped", timeoutMs: 60_000 });
  await peer.call("status", {});
  void manager.devices[0]!.stop();
  assert.equal((await stopped).result.reached, true);
  await settled();
  await hosts.last.dies();
});

test("a reflector learns what the rules let others do with a unit; nobody else may ask", async () => {
  const { connect } = await setUp(
    parseConfig(
      "access: [{ uid: 1001, device: usb-1-4, mode: read }, { gid: 7, class: block, mode: write }]",
      "x",
    ),
  );
  const reflector = connect(500, "block").peer;
  const access = async (peer: { uid: number; gid: number }) =>
    (await reflector.call("access", { unit: id, peer })).result.mode;
  assert.deepEqual(
    await Promise.all(
      [
        { uid: 0, gid: 0 },
        { uid: 500, gid: 500 },
        { uid: 1001, gid: 1 },
        { uid: 1002, gid: 7 },
        { uid: 1002, gid: 8 },
      ].map(access),
    ),
    ["write", "write", "read", "write", null],
  );
  await assert.rejects(connect(500).peer.call("access", { unit: id, peer: { uid: 0, gid: 0 } }), {
    kind: "denied",
  });
});

for (const [what, config, mode, guests] of [
  ["its owner's only", "", 0o600, false],
  [
    "anybody's where a rule lets others in",
    "access: [{ uid: 1001, device: usb-1-4, mode: read }]",
    0o666,
    true,
  ],
] as const)
  test(`a reflector is given a socket that is ${what}, and whose path goes with the unit; nobody else is given one`, async () => {
    const { manager, hosts, connect } = await setUp(parseConfig(config, "x"));
    const { peer } = connect(500, "block");
    await peer.call("subscribe", { class: "block", formerly: null });
    const { result, fds } = await peer.call("listen", { unit: id, kind: "nbd" });
    assert.deepEqual([result.guests, statSync(result.path).mode & 0o777], [guests, mode]);
    for (const fd of fds) fd.close();
    await assert.rejects(connect(500).peer.call("listen", { unit: id, kind: "nbd" }), { kind: "denied" });
    const again = await peer.call("listen", { unit: id, kind: "nbd" }); // after a reflector's death
    for (const fd of again.fds) fd.close();
    const stopped = manager.devices[0]!.stop();
    await hosts.last.dies();
    await stopped;
    assert.equal(existsSync(result.path), false);
  });

test("a wait for a prefix that fits several devices is refused, at once or as soon as it does", async () => {
  const { manager, connect } = await setUp();
  const { peer } = connect(500);
  const waiting = peer.call("wait", { device: "usb-1-4", state: "stopped", timeoutMs: 60_000 });
  await peer.call("status", {});
  void manager.added(busDevice({ id: "usb-1-4:1.1" }));
  const several = { kind: "invalid", message: /it could be usb-1-4:1\.0, usb-1-4:1\.1/ };
  await assert.rejects(waiting, several);
  await assert.rejects(peer.call("wait", { device: "usb-1", state: "stopped", timeoutMs: 60_000 }), several);
});

test("the log of a device that is not there any more is read by its id; a name that no entry has is refused", async () => {
  const { manager, hosts, clock, connect } = await setUp();
  const { peer } = connect(500);
  void manager.removed(device);
  await hosts.last.dies();
  clock.advance(defaultConfig.limits.replug_grace);
  assert.deepEqual(manager.devices, []);
  const { entries } = (await peer.call("logs", { device, follow: false })).result;
  assert.match(entries.at(-1)!.message, /gone/);
  await assert.rejects(peer.call("logs", { device: "usb-7", follow: false }), { kind: "invalid" });
});

test("only operators trace, and an application records only what somebody traces", async () => {
  const { connect } = await setUp(parseConfig("access: [{ uid: 1001, device: usb-1-4, mode: read }]", "x"));
  const { peer: application } = connect(1001);
  await assert.rejects(application.call("trace", { device }), { kind: "denied", message: /only root and/ });
  const record = () => application.call("record", { device }, [memory(RING_BYTES)]);
  await assert.rejects(record(), { kind: "invalid", message: /nobody traces it/ });
  const operator = connect(500).peer;
  const trace = async () => {
    const { result, fds } = await operator.call("trace", { device: "usb-1" });
    for (const fd of fds) fd.close();
    return { ...result, fds: fds.length };
  };
  const began = await trace();
  assert.deepEqual([began.device, began.begins!.driver, began.fds], [device, "usb-storage", 1]);
  await assert.rejects(record(), { kind: "invalid", message: /has not opened it/ });
  const params = { channel: 1, opening: 1, unit: id, mode: "read", contract } as const;
  const { fds } = await application.call("open", params, [memory(layout.client.size)]);
  for (const fd of fds) fd.close();
  await record();
  const { begins, news, fds: memories } = await trace();
  assert.deepEqual([begins, memories], [null, 1]);
  assert.partialDeepStrictEqual(news, [
    { kind: "channel", channel: 1 },
    { kind: "client", name: "process of 1001", pid: 4711, reflector: null },
  ]);
  await operator.call("endTrace", {});
  await application.call("status", {});
  await assert.rejects(record(), { kind: "invalid", message: /nobody traces it/ });
  assert.equal((await trace()).begins!.driver, "usb-storage");
  operator.close();
  await application.call("status", {});
  await assert.rejects(record(), { kind: "invalid", message: /nobody traces it/ });
});

for (const placement of ["isolated", "inline"])
  test(`a unit whose driver is ${placement} is one reflector's alone, and an application's`, async () => {
    const { connect } = await setUp(defaultConfig, placement);
    const clients = [
      connect(500, "block"),
      connect(500, "block", "usb-storage"),
      connect(500, "block", "other"),
      connect(500),
    ];
    for (const { peer } of clients) await peer.call("subscribe", { class: "block", formerly: null });
    const told = clients.map(({ units }) => units.length);
    assert.deepEqual(told, placement === "inline" ? [0, 1, 0, 1] : [1, 0, 0, 1]);
  });

test("the address of an inline driver's unit is taken away when the unit goes, though its reflector died before", async () => {
  const { manager, hosts, connect } = await setUp(defaultConfig, "inline");
  connect(500, "block");
  const { peer } = connect(500, "block", "usb-storage");
  await peer.call("subscribe", { class: "block", formerly: null });
  const { result, fds } = await peer.call("listen", { unit: id, kind: "nbd" });
  for (const fd of fds) fd.close();
  peer.close();
  await settled();
  assert.equal(existsSync(result.path), true);
  const stopped = manager.devices[0]!.stop();
  await settled();
  await hosts.last.dies();
  await stopped;
  assert.equal(existsSync(result.path), false);
});

test("who observes is told what a device goes through, and where it is afterwards", async () => {
  const { hosts, clock, run, connect } = await setUp();
  const { peer, seen } = connect(500);
  const { status } = (await peer.call("observe", {})).result;
  assert.equal(status.devices[0]!.state, "running");
  const { passages } = (await peer.call("history", { device: "usb" })).result;
  assert.deepEqual(passages.at(-1)!.state, "running");
  hosts.last.fails();
  await hosts.last.dies();
  await run();
  clock.advance(20);
  await peer.call("status", {}); // behind what it was told
  assert.deepEqual(
    seen.filter((word) => word !== "metrics" && !word.startsWith("passage starting")),
    ["passage failed", "passage running", "device running"],
  );
});

test("what is in flight is told to who looks only, and with each beat to who follows", async () => {
  const { clock, connect } = await setUp();
  const { peer, seen } = connect(0);
  await peer.call("renounce", {});
  const asked = async (follow: boolean) => (await peer.call("inFlight", { device: "usb", follow })).result;
  assert.deepEqual(await asked(false), { device: "usb-1-4:1.0", requests: [] });
  await assert.rejects(asked(true), { kind: "invalid", message: /only who observes/ });
  await peer.call("observe", {});
  await asked(true);
  clock.advance(1000);
  await asked(false);
  clock.advance(1000);
  await peer.call("status", {});
  assert.deepEqual(
    seen.filter((word) => word === "metrics" || word.startsWith("in flight")),
    ["metrics", "metrics", "in flight usb-1-4:1.0", "metrics"],
  );
});

test("a stranger is not told what is in flight", async () => {
  const { connect } = await setUp();
  await assert.rejects(connect(1000).peer.call("inFlight", { device: "usb", follow: false }), {
    kind: "denied",
  });
});

test("what clients have sent again is told once a channel, and none of it by who only looks", async () => {
  const { connect, serving, manager } = await setUp();
  const replayed = () =>
    serving.history
      .of(manager.devices[0]!)
      .steps.filter(({ step }) => step === "replayed")
      .map(({ requests, detail }) => `${requests} ${detail}`);
  const opens = async (uid: number, looks: boolean) => {
    const { peer } = connect(uid);
    if (looks) await peer.call("renounce", {});
    for (const fd of (await peer.call("open", open, [memory(layout.client.size)])).fds) fd.close();
    for (const requests of [2, 5]) peer.tell("replayed", { channel: 1, requests });
    peer.tell("replayed", { channel: 9, requests: 7 });
    await peer.call("status", {});
  };
  await opens(0, true);
  assert.deepEqual(replayed(), []);
  await opens(500, false);
  assert.deepEqual(replayed(), ["2 process of 500"]);
});

test("who has renounced may look and not touch", async () => {
  const { connect, manager } = await setUp();
  const { peer } = connect(0);
  await peer.call("renounce", {});
  assert.equal((await peer.call("status", {})).result.devices.length, 1);
  assert.equal((await peer.call("explain", { device: "usb" })).result.state, "running");
  const denied = { kind: "denied", message: /only looks/ };
  for (const verb of ["stop", "restart", "suspend", "resume"] as const)
    await assert.rejects(peer.call(verb, { device: "usb" }), denied, verb);
  await assert.rejects(peer.call("start", { device: "usb", take: true }), denied);
  await assert.rejects(peer.call("useProfile", { device: "usb", profile: "game" }), denied);
  const plug = { transport: "usbip", socket: "/nowhere", busid: "1-1", port: null } as const;
  await assert.rejects(peer.call("attach", plug), denied);
  const unit = { channel: 1, opening: 1, unit: id, mode: "write", contract } as const;
  await assert.rejects(peer.call("open", unit, [memory(layout.client.size)]), denied);
  await assert.rejects(peer.call("detach", { port: "p" }), denied);
  const looking = { ...unit, mode: "read" } as const;
  for (const fd of (await peer.call("open", looking, [memory(layout.client.size)])).fds) fd.close();
  peer.tell("suspect", { channel: 1, kind: "deadline", text: "" });
  await peer.call("status", {});
  assert.equal(manager.devices[0]!.life.state, "running");
});

test("only reflectors of input devices hear of the mapping, before any unit and each time it is another; a later one is told it too", async () => {
  const { connect, serving } = await setUp();
  const subscribe = ({ peer }: ReturnType<typeof connect>) =>
    peer.call("subscribe", { class: null, formerly: null });
  const [pads, disks, application] = [connect(500, "gamepad"), connect(500, "block"), connect(500)];
  for (const client of [pads, disks, application]) await subscribe(client);
  serving.mappings.found("devices: []");
  const later = connect(500, "input");
  await subscribe(later);
  await pads.peer.call("status", {});
  assert.deepEqual(pads.mapped, [" behind 0 units", "devices: [] behind 1 units"]);
  assert.deepEqual(later.mapped, ["devices: [] behind 0 units"]);
  assert.deepEqual([disks.mapped, application.mapped], [[], []]);
});

test("who is no reflector of a unit can say nothing of its profile, and asks for none", async () => {
  const { connect, serving, manager } = await setUp();
  const [pads, application] = [connect(500, "gamepad"), connect(500)];
  pads.peer.tell("profile", { unit: id, profile: "game" }); // a disk is no pad
  await assert.rejects(pads.peer.call("inputProfile", { unit: id }), { kind: "denied" });
  await assert.rejects(pads.peer.call("inputKeep", { unit: id, indexes: [] }), { kind: "denied" });
  application.peer.tell("profile", { unit: id, profile: "game" });
  await assert.rejects(application.peer.call("status", {}), { kind: "disconnected" });
  assert.equal(serving.mappings.profileOf(manager.devices[0]!, id), null);
});
