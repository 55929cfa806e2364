// Runs in: node --test. Owns: servers that the test plays.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { ServerKeeper, type ServerOptions } from "./keeper.ts";
import type { ServerProcess, ServerStart } from "./server-process.ts";

const HEALTHY_MS = 5001;
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** One that was started. */
class Server {
  readonly start: ServerStart;
  readonly heard: unknown[] = [];
  readonly ended = Promise.withResolvers<string>();
  closed = false;
  readonly link = {
    notify: (notice: string, params: unknown) => void this.heard.push([notice, params]),
    close: () => {
      this.closed = true;
    },
  } as unknown as ServerProcess["link"];

  constructor(start: ServerStart) {
    this.start = start;
  }

  begin() {
    return this.start.handlers.begin({}, [], this.link) as { token: string; key: string; control: boolean };
  }
  listens(port: number): void {
    this.start.tells.listening({ port }, this.link);
  }
  used(): void {
    this.start.tells.used({}, this.link);
  }
  async dies(): Promise<void> {
    this.ended.resolve("SIGSEGV");
    await settled();
  }
}

function setUp(change: Partial<ServerOptions> = {}) {
  const clock = manualClock();
  const servers: Server[] = [];
  const addresses: string[] = [];
  const keeper = new ServerKeeper({
    start: async (start) => {
      const server = new Server(start);
      servers.push(server);
      return { link: server.link, ended: server.ended.promise };
    },
    port: 0,
    control: false,
    address: (url) => addresses.push(url),
    clock,
    ...change,
  });
  const over = keeper.run();
  over.catch(() => {}); // each test says what it expects of it
  const passes = async (ms: number) => {
    clock.advance(ms);
    await settled();
  };
  return { keeper, servers, addresses, over, passes };
}

test("one that dies after it has served is followed by another at once, at the same port, with the same key", async () => {
  const { servers, passes } = setUp();
  await settled();
  servers[0]!.listens(41293);
  await passes(HEALTHY_MS);
  await servers[0]!.dies();
  await passes(0);
  assert.deepEqual([servers.length, servers[1]!.start.port], [2, 41293]);
  assert.equal(servers[0]!.closed, true);
  assert.deepEqual(servers[1]!.begin(), servers[0]!.begin());
});

test("those that die at once are followed after longer and longer pauses, and the seventh by nobody", async () => {
  const { servers, over, passes } = setUp();
  await settled();
  for (const pause of [0, 200, 400, 800, 1600, 3200]) {
    const started = servers.length;
    await servers.at(-1)!.dies();
    await passes(pause - 1);
    assert.equal(servers.length, started, `before ${pause} ms`);
    await passes(1);
    assert.equal(servers.length, started + 1, `after ${pause} ms`);
  }
  await servers.at(-1)!.dies();
  await assert.rejects(over, { kind: "internal", message: /its process ends at once \(SIGSEGV\)/ });
  assert.equal(servers.length, 7);
});

test("one that has served for a while makes up for those before it", async () => {
  const { servers, passes } = setUp();
  await settled();
  for (const pause of [0, 200, 400, 800, 1600, 3200]) {
    await servers.at(-1)!.dies();
    await passes(pause);
  }
  await passes(HEALTHY_MS);
  await servers.at(-1)!.dies();
  await passes(0);
  assert.equal(servers.length, 8);
});

test("a manager that is not there is waited for as for a server that dies", async () => {
  const { over, passes } = setUp({
    start: async () => {
      throw new DeviceError("disconnected", "connect to control.sock");
    },
  });
  for (const pause of [0, 200, 400, 800, 1600, 3200]) {
    await settled();
    await passes(pause);
  }
  await assert.rejects(over, { message: /ends at once \(connect to control.sock/ });
});

test("its address is told when it serves, and not again when the next one does", async () => {
  const { keeper, servers, addresses, passes } = setUp();
  await settled();
  assert.deepEqual(addresses, []);
  servers[0]!.listens(41293);
  await servers[0]!.dies();
  await passes(0);
  servers[1]!.listens(41293);
  assert.deepEqual(addresses, [`http://127.0.0.1:41293/?token=${servers[1]!.begin().token}`]);
  assert.equal(keeper.url, addresses[0]);
});

test("a token that has been used is followed by another, which the server and the next one know", async () => {
  const { keeper, servers, addresses, passes } = setUp();
  await settled();
  const { token } = servers[0]!.begin();
  servers[0]!.listens(41293);
  servers[0]!.used();
  const [[notice, next]] = servers[0]!.heard as [[string, { token: string }]];
  assert.equal(notice, "token");
  assert.notEqual(next.token, token);
  assert.match(keeper.url, new RegExp(`token=${next.token}$`));
  assert.equal(addresses.length, 1); // whoever wants it asks for it
  await servers[0]!.dies();
  await passes(0);
  assert.equal(servers[1]!.begin().token, next.token);
});

test("a demo tells the next address by itself, breaks devices, and has its program's work shown", async () => {
  const broken: string[] = [];
  const followed = [{ sinceMs: 3, text: "it stands still" }];
  const fault = async (device: string, which: string) => {
    broken.push(`${which} ${device}`);
    return followed;
  };
  const { keeper, servers, addresses } = setUp({ fault });
  await settled();
  servers[0]!.listens(41293);
  servers[0]!.used();
  assert.equal(addresses.length, 2);
  const hang = { device: "a", fault: "hang" } as const;
  const { handlers, link } = { ...servers[0]!.start, ...servers[0]! };
  assert.deepEqual(await handlers.fault(hang, [], link), { followed });
  assert.deepEqual(broken, ["hang a"]);
  const workload = { device: "a", blocks: 1, lost: 0, longestMs: 2 };
  keeper.workload(workload);
  assert.deepEqual(servers[0]!.heard.at(-1), ["workload", workload]);
});

test("without a demo no device is broken, whatever the server asks", async () => {
  const { servers } = setUp();
  await settled();
  const { handlers } = servers[0]!.start;
  await assert.rejects(async () => handlers.fault({ device: "a", fault: "crash" }, [], servers[0]!.link), {
    kind: "denied",
  });
});

test("a port that is somebody else's is said, with what helps", async () => {
  const { servers, over } = setUp({ port: 80 });
  await settled();
  servers[0]!.start.tells.refused({ text: "listen EADDRINUSE" }, servers[0]!.link);
  await servers[0]!.dies();
  const message = /port 80 of 127.0.0.1 cannot be had: listen EADDRINUSE; choose another with --port/;
  await assert.rejects(over, { kind: "busy", message });
  assert.equal(servers.length, 1);
});

test("closed, it ends its server first, and is over once that has ended", async () => {
  const { keeper, servers, over } = setUp();
  await settled();
  const order: string[] = [];
  servers[0]!.start.signal.addEventListener("abort", () => order.push("asked to end"));
  void over.then(() => order.push("over"));
  keeper.close();
  await settled();
  order.push("ends");
  await servers[0]!.dies();
  assert.deepEqual(order, ["asked to end", "ends", "over"]);
  assert.equal(servers[0]!.closed, true);
  assert.equal(servers.length, 1);
});

test("closed between two servers, it is over at once", async () => {
  const { keeper, servers, over, passes } = setUp();
  await settled();
  await servers[0]!.dies();
  await passes(0);
  await servers[1]!.dies();
  keeper.close();
  await over;
  assert.equal(servers.length, 2);
});
