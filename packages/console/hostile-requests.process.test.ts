// Runs in: node --test. Owns: a console of a manager that the test plays, and requests that no browser would make.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PlayedManager, playedDevice } from "./played-manager.fixture.ts";
import { RunningConsole } from "./running-console.fixture.ts";

const device = "usb-1-4:1.0";
const restart = `/api/devices/${device}/restart`;
const MIB = 1 << 20;

let manager: PlayedManager;
let console: RunningConsole;
/** The server that was there first is to be there last. */
let server: number;
const restarted: string[] = [];

before(async () => {
  manager = new PlayedManager([playedDevice({ id: device })], {
    restart: ({ device }) => {
      restarted.push(device);
      return { device, state: "running", reason: "" };
    },
  });
  console = await RunningConsole.start(manager.directory, "control");
  await console.enter();
  server = console.server;
});
after(async () => {
  await console?.stop();
  manager?.[Symbol.dispose]();
});

const own = () => ({ Origin: `http://127.0.0.1:${console.port}` });
const port = (text: string) => text.replace("PORT", String(console.port));

test("an action by a page of its own is done: what follows is refused for what is wrong with it", async () => {
  assert.equal((await console.ask("POST", restart, own(), "{}")).status, 200);
  assert.deepEqual(restarted.splice(0), [device]);
});

for (const [what, headers] of [
  ["another host", { Host: "evil.example", Origin: "http://evil.example" }],
  ["another port", { Host: "127.0.0.1:1", Origin: "http://127.0.0.1:1" }],
  [
    "a host that only begins like it",
    { Host: "127.0.0.1.evil.example:PORT", Origin: "http://127.0.0.1.evil.example:PORT" },
  ],
  ["a foreign origin", { Origin: "http://evil.example" }],
  ["an origin without a name", { Origin: "null" }],
  ["an origin of another port here", { Origin: "http://127.0.0.1:1" }],
  ["a page elsewhere", { "Sec-Fetch-Site": "cross-site" }],
  ["no origin", { Origin: "" }],
] as const)
  test(`an action for ${what} is refused`, async () => {
    const changed = Object.entries(headers).map(([name, value]) => [name, port(value)]);
    const asked = { ...own(), ...Object.fromEntries(changed) };
    const { status, headers: answer } = await console.ask("POST", restart, asked, "{}");
    assert.equal(status, 403);
    assert.match(String(answer["content-security-policy"]), /default-src 'none'/);
    assert.deepEqual(restarted, []);
  });

test("without the cookie, or with a wrong one, an action is refused", async () => {
  for (const Cookie of ["", `ring3_${console.port}=${"0".repeat(64)}`, `ring3_${console.port}`, ";=;=,"])
    assert.equal((await console.ask("POST", restart, { ...own(), Cookie }, "{}")).status, 401, Cookie);
  assert.deepEqual(restarted, []);
});

for (const path of [
  "/..%2f..%2f..%2fetc%2fpasswd",
  "/../../../../etc/passwd",
  "/assets/../../console.cjs",
  "/assets/..%2f..%2fconsole.cjs",
  "/%2e%2e/%2e%2e/etc/passwd",
  "//etc/passwd",
  "/%00",
  "/index.html%00.js",
  "/%",
  "/%ff%fe",
  "/%E0%A4%A",
  "/__proto__",
  "/constructor",
  "/api/devices/%2e%2e/past",
  "/api/devices/__proto__/log",
  `/api/devices/${device}%00/explain`,
  "/api/devices/%ff/crashes",
  `/api/${"x/".repeat(4000)}`,
])
  test(`GET ${path.slice(0, 40)} leads nowhere`, async () => {
    const { status, text } = await console.get(path);
    assert.equal(status, 404);
    assert.match(text, /^\{"error":\{"kind":"invalid","message":"there is no /);
  });

test("what is no address is not guessed about", async () => {
  const paths = await Promise.all(["/..\\..\\etc\\passwd", "/a\\b"].map((path) => console.get(path)));
  assert.deepEqual(
    paths.map(({ status }) => status),
    [400, 400],
  );
  assert.equal((await console.get("/", { Host: `127.0.0.1:${console.port}.evil.example` })).status, 400);
});

test("a crash report that no manager has, however it is called, is refused in the manager's words", async () => {
  for (const id of ["..%2f..%2fetc%2fpasswd", "%00", "x".repeat(8000)]) {
    const { status, text } = await console.get(`/api/crashes/${id}`);
    assert.ok(status >= 400 && status < 600, String(status));
    assert.match(text, /^\{"error":/);
  }
});

for (const method of ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "LINK"])
  test(`${method} is not for it`, async () => {
    for (const path of ["/", "/api/events", restart])
      assert.equal((await console.ask(method, path, own())).status, 405, path);
    assert.deepEqual(restarted, []);
  });

/** What is no HTTP, or not what a server should guess about; each is answered and hung up on. */
const broken: Readonly<Record<string, readonly [lines: string, answer: RegExp]>> = {
  "no HTTP": ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", /^HTTP\/1.1 400 /],
  "a method that is none": ["HACK / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", /^HTTP\/1.1 400 /],
  "a zero byte in its path": ["GET /\0 HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", /^HTTP\/1.1 400 /],
  "no host": ["GET / HTTP/1.1\r\n\r\n", /^HTTP\/1.1 400 /],
  "two lengths": [
    "POST / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    /^HTTP\/1.1 400 /,
  ],
  "a negative length": [
    "POST / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Length: -1\r\n\r\n",
    /^HTTP\/1.1 400 /,
  ],
  "a header of a million bytes": [
    `GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nX: ${"a".repeat(1_000_000)}\r\n\r\n`,
    /^HTTP\/1.1 431 /,
  ],
  "ten thousand headers": [
    `GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n${"a:b\r\n".repeat(10_000)}\r\n`,
    /^HTTP\/1.1 431 /,
  ],
  "a path of a million bytes": [
    `GET /${"a".repeat(1_000_000)} HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n`,
    /^HTTP\/1.1 431 /,
  ],
  "a way to somewhere else": ["CONNECT evil.example:80 HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", /^$/],
  "another host in its path": [
    "GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: close\r\n\r\n",
    /^HTTP\/1.1 40[03] /,
  ],
};
for (const [what, [lines, answer]] of Object.entries(broken))
  test(`a request with ${what} is refused`, async () => {
    assert.match(await (await console.raw(port(lines), true)).answer, answer);
  });

test("a body of any size is no matter: it is not kept, and nobody waits for its end", async () => {
  const { mib } = console.held;
  for (const size of [MIB, 64 * MIB]) {
    const head = console.request(`POST ${restart} HTTP/1.1`, `Content-Length: ${size}`);
    const { socket, answer } = await console.raw(head, true);
    socket.write(Buffer.alloc(size));
    assert.match(await Promise.race([answer, firstOf(socket)]), /^HTTP\/1.1 403 /); // without an origin
    socket.destroy();
  }
  assert.ok(console.held.mib < mib + 40, `from ${mib} to ${console.held.mib} MiB`);
});

test("a body that does not come is not waited for", async () => {
  const head = console.request(`POST ${restart} HTTP/1.1`, "Content-Length: 1000", "Expect: 100-continue");
  const began = performance.now();
  const { answer } = await console.raw(head, true);
  assert.match(await answer, /HTTP\/1.1 (403|408) /);
  assert.ok(performance.now() - began < 10_000);
});

test("after all that the server is the one that it was, and has nothing left", async () => {
  assert.equal(console.server, server);
  assert.equal((await console.get("/api/about")).status, 200);
  assert.deepEqual(restarted, []);
});

function firstOf(socket: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve) => socket.once("data", (chunk) => resolve(String(chunk))));
}
