// Runs in: node --test. Owns: a console of a manager that the test plays, and clients that mean it no good.
import assert from "node:assert/strict";
import { Agent } from "node:http";
import { after, before, test } from "node:test";
import { PlayedManager, playedDevice } from "./played-manager.fixture.ts";
import { type Listening, RunningConsole } from "./running-console.fixture.ts";

/** Held at most (server/app.ts). */
const STREAMS_MAX = 64;
/** Of the page, behind its manager: console and test may each stand still for a second on a busy machine, and have work for less than one more. */
const LATE_MS = 3000;
/** A connection that has said nothing whole is closed after five seconds, and looked for each second (server/main.ts). */
const CLOSED_MS = 10_000;
const device = "usb-1-4:1.0";

let manager: PlayedManager;
let console: RunningConsole;
/** One that is there from first to last. */
let page: Listening;

before(async () => {
  manager = new PlayedManager([playedDevice({ id: device })]);
  console = await RunningConsole.start(manager.directory, "control");
  await console.enter();
  page = await console.listen();
  await until("it is told nothing while nobody means it no good", () => secondsHeard().length > 0);
});
after(async () => {
  page?.close();
  await console?.stop();
  manager?.[Symbol.dispose]();
});

const times = <T>(count: number, run: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => run(index));
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(what: string, is: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await is())) {
    assert.ok(performance.now() < end, what);
    await sleep(50);
  }
}
const secondsHeard = () => page.heard.filter(({ event }) => event === "second").map(({ at }) => at);
/** What the manager has told each second since then has reached the page. */
function assertPrompt(since: number): void {
  const heard = secondsHeard();
  const { seconds } = manager;
  // So many were told before its first: it hears each since then, and has at some time heard all.
  const toldBy = (at: number) => seconds.filter((told) => told <= at).length;
  const before = Math.min(...heard.map((at, index) => toldBy(at) - index - 1));
  const now = performance.now();
  const late = seconds.map((told, index) => (told < since ? 0 : (heard[index - before] ?? now) - told));
  assert.ok(Math.max(...late) < LATE_MS, `the page was told ${Math.max(...late)} ms late`);
}
const roomAgain = () =>
  until("nobody makes room", async () => {
    const probe = await console.listen();
    probe.close();
    return probe.status === 200;
  });

test("of 500 streams at once 63 are served beside the page's own, the others are told to come later, and nothing of them is left", async () => {
  const wave = async () => {
    const began = performance.now();
    const all = await Promise.all(times(500, () => console.listen()));
    const served = all.filter(({ status }) => status === 200);
    const refused = all.filter(({ status, retryAfter }) => status === 503 && retryAfter === "5");
    assert.deepEqual([served.length, refused.length], [STREAMS_MAX - 1, 500 - (STREAMS_MAX - 1)]);
    await until("all are told", () =>
      served.every(({ heard }) => heard.some(({ event }) => event === "second")),
    );
    assertPrompt(began);
    for (const each of all) each.close();
    await roomAgain();
  };
  await wave();
  const { descriptors, mib } = console.held;
  for (let count = 0; count < 4; count++) await wave();
  await until("descriptors are left", () => console.held.descriptors <= descriptors);
  assert.ok(console.held.mib < mib + 40, `from ${mib} to ${console.held.mib} MiB`);
});

test("connections that say nothing, or half of what they want, keep nobody out, and are closed before long", async () => {
  const { descriptors } = console.held;
  const began = performance.now();
  const half = console.request("GET /api/about HTTP/1.1").slice(0, -4);
  let newest = await Promise.all(times(500, (index) => console.raw(index % 2 === 0 ? "" : half, true)));
  const idle = [...newest];
  for (let asked = 0; asked < 20; asked++) {
    assert.equal((await console.get("/api/about")).status, 200);
    assert.ok(
      newest.every(({ socket }) => !socket.closed),
      "it has waited for their end",
    );
    newest = await Promise.all(times(50, () => console.raw("GET / HTTP/1.1\r\nX: ", true)));
    idle.push(...newest);
  }
  const opened = performance.now();
  assert.ok(console.held.descriptors - descriptors < 600, `${console.held.descriptors} are open`);
  await Promise.all(idle.map(({ answer }) => answer));
  assert.ok(performance.now() - opened < CLOSED_MS);
  assertPrompt(began);
  await until("descriptors are left", () => console.held.descriptors <= descriptors);
});

test("one who says a header letter by letter is hung up on", async () => {
  const { socket, answer } = await console.raw("GET / HTTP/1.1\r\n", true);
  const letters = setInterval(() => socket.write("a"), 200);
  assert.match(await answer, /^HTTP\/1.1 408 /);
  clearInterval(letters);
});

test("pages that never read cost a bounded memory, slow nobody, and make room when they leave", async () => {
  const deaf = await Promise.all(times(50, () => console.raw(console.request("GET /api/events HTTP/1.1"))));
  const { server } = console;
  const began = performance.now();
  const entry = { time: 0, level: "info" as const, source: device, message: "x".repeat(2000) };
  let told = 0;
  /** A MiB, to each of them. */
  const tell = async () => {
    for (let count = 0; count < 500; count++) manager.tell("log", entry);
    told += 500;
    await until(
      "the page hears all",
      () => page.heard.filter(({ event }) => event === "log").length === told,
    );
  };
  for (let round = 0; round < 5; round++) await tell();
  const { mib } = console.held;
  for (let round = 0; round < 35; round++) await tell();
  assert.equal(console.server, server, "another server");
  assertPrompt(began);
  assert.ok(console.held.mib < mib + 100, `from ${mib} to ${console.held.mib} MiB`);
  for (const { socket } of deaf) socket.destroy();
  await until("nobody makes room", async () => {
    const all = await Promise.all(times(STREAMS_MAX - 1, () => console.listen()));
    for (const each of all) each.close();
    return all.every(({ status }) => status === 200);
  });
});

test("ten thousand wrong tokens slow nothing and leave nothing; the right one still opens", async () => {
  using agent = Object.assign(new Agent({ keepAlive: true, maxSockets: 16 }), {
    [Symbol.dispose]: () => agent.destroy(),
  });
  const guesses = async (count: number) => {
    const began = performance.now();
    const answers = await Promise.all(
      times(count, (index) =>
        console.get(`/?token=${String(index).padStart(32, "0")}`, { Cookie: "" }, agent),
      ),
    );
    assert.ok(answers.every(({ status, text }) => status === 403 && text.includes("not let in")));
    return performance.now() - began;
  };
  await guesses(1000);
  const { mib } = console.held;
  const first = await guesses(1000);
  for (let thousand = 0; thousand < 5; thousand++) await guesses(1000);
  const last = Math.min(await guesses(1000), await guesses(1000), await guesses(1000)); // something else may slow one
  assert.ok(last < first * 3 + 500, `from ${first} to ${last} ms`);
  assert.ok(console.held.mib < mib + 40, `from ${mib} to ${console.held.mib} MiB`);
  await using another = await RunningConsole.start(manager.directory);
  await another.enter();
  assert.equal((await another.get("/api/about")).status, 200);
});
