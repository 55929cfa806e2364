// Runs in: node --test. No browser: what is asked and answered over HTTP.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ManagerConnection } from "@ring3/client/manager-connection";
import type { Step } from "@ring3/control/observation";
import type { DeviceStatus, Status } from "@ring3/control/status";
import { DeviceError } from "@ring3/core/errors";
import { type AppParts, createApp } from "./app.ts";
import { Feed } from "./feed.ts";
import { Guard } from "./guard.ts";
import { Picture } from "./picture.ts";

const token = "a".repeat(32);
const origin = "http://127.0.0.1:8080";
const id = "usb-1-4:1.0";
const file = (text: string, type: string) => ({
  type,
  bytes: new TextEncoder().encode(text),
  forever: false,
});

function setUp(change: Partial<AppParts> = {}) {
  const asked: unknown[] = [];
  const tell = (event: string, value: unknown) => feed.add(event, value);
  const device = { id, name: "<img src=x onerror=alert(1)>\u0007", state: "running" } as DeviceStatus;
  const picture = new Picture({ status: { devices: [device] } as unknown as Status }, tell, () => 0);
  const feed: Feed = new Feed("e", () => picture.whole());
  const app = createApp({
    guard: new Guard({ port: 8080, token, key: "b".repeat(64), used() {} }),
    feed,
    picture,
    files: new Map([
      ["/index.html", file("<p>page</p>", "text/html; charset=utf-8")],
      ["/door.html", file("<p>door</p>", "text/html; charset=utf-8")],
      ["/door.css", file("p {}", "text/css; charset=utf-8")],
      ["/icon.svg", file("<svg/>", "image/svg+xml")],
    ]),
    ask: (async (method: string, params: object) => {
      asked.push([method, params]);
      if (method === "stop") throw new DeviceError("busy", "somebody is at it");
      return { state: "running", reason: "" };
    }) as unknown as ManagerConnection["ask"],
    async *live() {
      yield { event: "state", data: { x: 1 } };
    },
    inFlight: { of: async (device) => ({ device, requests: [] }) },
    trace: async (device) => ({ name: `trace-${device}.json`, json: "{}" }),
    control: false,
    fault: undefined,
    ...change,
  });
  const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
    app.request(`${origin}${path}`, { method, headers: { Host: "127.0.0.1:8080", ...headers } });
  const cookie = async () => (await get(`/?token=${token}`)).headers.get("Set-Cookie")!.split(";")[0]!;
  const post = async (path: string, headers: Record<string, string> = { Origin: origin }) =>
    get(path, { Cookie: await cookie(), ...headers }, "POST");
  return { asked, get, post, cookie, feed, picture };
}
const messageOf = async (response: Response) =>
  ((await response.json()) as { error: { message: string } }).error.message;

/** What comes of a stream until it has told `last`. */
async function readUntil(response: Response, last: string): Promise<string> {
  const reader = response.body!.getReader();
  let text = "";
  while (!text.includes(last)) text += new TextDecoder().decode((await reader.read()).value);
  await reader.cancel();
  return text;
}

test("without a cookie there is a door, and nothing behind it", async () => {
  const { get } = setUp();
  const door = await get("/");
  assert.deepEqual([door.status, await door.text()], [403, "<p>door</p>"]);
  for (const path of ["/api/events", "/api/about", "/index.html", "/assets/x.js", `/api/devices/${id}/past`])
    assert.equal((await get(path)).status, 401, path);
  for (const path of ["/door.css", "/icon.svg"]) assert.equal((await get(path)).status, 200, path);
});

test("the address that is clicked in a page elsewhere opens nothing, says so in words, and is still good", async () => {
  const { get } = setUp();
  const headers = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document" };
  const door = await get(`/?token=${token}`, headers);
  assert.deepEqual(
    [door.status, await door.text(), door.headers.get("Set-Cookie")],
    [403, "<p>door</p>", null],
  );
  assert.match(door.headers.get("Content-Security-Policy")!, /default-src 'none'/);
  assert.equal((await get("/api/about", headers)).status, 403);
  assert.equal((await get(`/?token=${token}`)).status, 303);
});

test("the token opens it, is gone from the address, and works once", async () => {
  const { get } = setUp();
  const first = await get(`/?token=${token}`);
  assert.deepEqual([first.status, first.headers.get("Location")], [303, "/"]);
  const Cookie = first.headers.get("Set-Cookie")!.split(";")[0]!;
  assert.equal(await (await get("/", { Cookie })).text(), "<p>page</p>");
  assert.equal((await get(`/?token=${token}`)).status, 403);
});

test("every answer forbids scripts from elsewhere, those of failures too", async () => {
  const { get, cookie } = setUp();
  const Cookie = await cookie();
  for (const response of [
    await get("/"),
    await get("/", { Cookie }),
    await get("/api/about", { Cookie }),
    await get("/nowhere", { Cookie }),
    await get("/", { Host: "evil.example" }),
  ]) {
    assert.match(response.headers.get("Content-Security-Policy")!, /default-src 'none'; script-src 'self';/);
    assert.equal(response.headers.get("X-Content-Type-Options"), "nosniff");
    assert.equal(response.headers.get("Cache-Control"), "no-store");
  }
});

test("another host's name, and a page from elsewhere, are refused even with the cookie", async () => {
  const { get, cookie } = setUp({ control: true });
  const Cookie = await cookie();
  assert.equal((await get("/api/about", { Cookie, Host: "evil.example:8080" })).status, 403);
  assert.equal((await get("/api/about", { Cookie, Origin: "http://evil.example" })).status, 403);
  assert.equal((await get("/api/about", { Cookie, "Sec-Fetch-Site": "cross-site" })).status, 403);
});

test("read-only it acts on nothing, and says how it would", async () => {
  const { post, asked } = setUp();
  const response = await post(`/api/devices/${id}/restart`);
  assert.equal(response.status, 403);
  assert.match(await messageOf(response), /ring3 console --control/);
  assert.deepEqual(asked, []);
});

test("with control it does what is asked", async () => {
  const { post, asked } = setUp({ control: true });
  assert.equal((await post(`/api/devices/${id}/take`)).status, 200);
  assert.deepEqual(asked, [["start", { device: id, take: true }]]);
});

test("what the manager refuses is told in its words", async () => {
  const response = await setUp({ control: true }).post(`/api/devices/${id}/stop`);
  assert.equal(response.status, 409);
  assert.match(await messageOf(response), /somebody is at it/);
});

test("an action without an origin comes from no page: refused", async () => {
  const { post, asked } = setUp({ control: true });
  assert.equal((await post(`/api/devices/${id}/restart`, {})).status, 403);
  assert.deepEqual(asked, []);
});

test("to a device that is unplugged nothing is done, and that is said", async () => {
  const broken: string[] = [];
  const { get, cookie, picture, asked } = setUp({
    control: true,
    fault: async (_, fault) => {
      broken.push(fault);
      return [];
    },
  });
  picture.device({ id, state: "gone" } as DeviceStatus);
  const headers = { Cookie: await cookie(), Origin: origin };
  for (const verb of ["restart", "suspend", "take", "garbage", "unplug", "trace"]) {
    const answer = await get(`/api/devices/${id}/${verb}`, headers, "POST");
    assert.equal(answer.status, 409, verb);
    assert.match(await messageOf(answer), /was unplugged; plug it in again/);
  }
  assert.deepEqual([asked, broken], [[], []]);
});

test("a device that has just gone is told as such", async () => {
  const { post } = setUp({ control: true });
  const gone = await post("/api/devices/usb-9-9:1.0/restart");
  assert.equal(gone.status, 404);
  assert.match(await messageOf(gone), /no device usb-9-9:1.0 any more/);
});

test("a verb that there is not is refused", async () => {
  assert.equal((await setUp({ control: true }).post(`/api/devices/${id}/explode`)).status, 404);
});

test("only a demo breaks devices", async () => {
  const broken: string[] = [];
  const followed = [{ sinceMs: 12, text: "<b>it tried again</b>" }];
  const fault = async (device: string, which: string) => {
    broken.push(`${which} ${device}`);
    return followed;
  };
  assert.equal((await setUp({ control: true }).post(`/api/devices/${id}/crash`)).status, 404);
  const answer = await setUp({ control: true, fault }).post(`/api/devices/${id}/crash`);
  assert.deepEqual(await answer.json(), { followed });
  assert.deepEqual(broken, [`crash ${id}`]);
});

test("a name full of markup goes out as data, never as a page", async () => {
  const { get, cookie } = setUp();
  const response = await get("/api/events", { Cookie: await cookie() });
  assert.match(response.headers.get("Content-Type")!, /^text\/event-stream/);
  const text = await readUntil(response, "snapshot");
  assert.match(text, /<img src=x onerror=alert\(1\)>/);
});

test("who listens too often is refused, and the others go on; who leaves makes room", async () => {
  const { get, cookie } = setUp();
  const Cookie = await cookie();
  const open = await Promise.all(Array.from({ length: 64 }, () => get("/api/events", { Cookie })));
  const more = await get("/api/events", { Cookie });
  assert.deepEqual([more.status, more.headers.get("Retry-After")], [503, "5"]);
  await Promise.all(open.map((response) => response.body!.cancel()));
  await new Promise((resolve) => setImmediate(resolve));
  const again = await get("/api/events", { Cookie });
  assert.equal(again.status, 200);
  await again.body!.cancel();
});

test("only GET and POST are for it: HEAD starts no stream", async () => {
  const { get, cookie } = setUp();
  const Cookie = await cookie();
  for (const method of ["HEAD", "PUT", "DELETE", "OPTIONS"])
    assert.equal((await get("/api/events", { Cookie }, method)).status, 405, method);
});

test("one stream has the words of all units that are asked for, each once", async () => {
  const asked: string[] = [];
  const { get, cookie } = setUp({
    async *live(unit) {
      asked.push(unit);
      yield { event: "state", data: { of: unit } };
      if (unit === "c#0") await new Promise(() => {});
    },
  });
  const response = await get("/api/live?unit=a%230&unit=b%230&unit=a%230&unit=c%230", {
    Cookie: await cookie(),
  });
  const text = await readUntil(response, '"c#0"}}');
  assert.deepEqual(asked, ["a#0", "b#0", "c#0"]);
  for (const unit of asked)
    assert.ok(
      text.includes(`event: unit\ndata: {"unit":"${unit}","event":"state","data":{"of":"${unit}"}}\n\n`),
      text,
    );
});

test("a stream stays open when its units tell no more: a browser would ask for one that ended again and again", async () => {
  const { get, cookie } = setUp();
  const response = await get("/api/live?unit=a", { Cookie: await cookie() });
  const reader = response.body!.getReader();
  let read = "";
  const closed = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "closed";
      read += new TextDecoder().decode(value);
    }
  })();
  const later = new Promise((resolve) => setTimeout(resolve, 50, "open"));
  assert.equal(await Promise.race([closed, later]), "open");
  assert.match(read, /"event":"state"/);
  await reader.cancel();
});

test("a page that leaves takes its units' signal with it, and makes room", async () => {
  const signals: AbortSignal[] = [];
  const { get, cookie } = setUp({
    async *live(_, signal) {
      signals.push(signal);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      yield { event: "state", data: "for nobody" };
    },
  });
  const Cookie = await cookie();
  const open = await Promise.all(Array.from({ length: 64 }, () => get("/api/live?unit=a", { Cookie })));
  assert.equal((await get("/api/live?unit=a", { Cookie })).status, 503);
  await Promise.all(open.map((response) => response.body!.cancel()));
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(signals.length === 64 && signals.every(({ aborted }) => aborted));
  const again = await get("/api/live?unit=a", { Cookie });
  assert.equal(again.status, 200);
  await again.body!.cancel();
});

test("what is in flight is told to whoever looks, of devices that are there", async () => {
  const { get, cookie } = setUp();
  const Cookie = await cookie();
  const told = await get(`/api/devices/${id}/requests`, { Cookie });
  assert.deepEqual([told.status, await told.json()], [200, { device: id, requests: [] }]);
  assert.equal((await get("/api/devices/usb-9-9:1.0/requests", { Cookie })).status, 404);
});

test("a trace is a file to be kept, and only a page of a console with control gets one", async () => {
  const traced: string[] = [];
  const trace = async (device: string) => {
    traced.push(device);
    return { name: "trace-x.json", json: '{"traceEvents":[]}' };
  };
  const path = `/api/devices/${id}/trace`;
  assert.equal((await setUp({ trace }).post(path)).status, 403);
  assert.equal((await setUp({ trace, control: true }).post(path, {})).status, 403);
  assert.deepEqual(traced, []);
  const response = await setUp({ trace, control: true }).post(path);
  assert.equal(response.headers.get("Content-Disposition"), 'attachment; filename="trace-x.json"');
  assert.match(response.headers.get("Content-Type")!, /^application\/json/);
  assert.deepEqual(await response.json(), { traceEvents: [] });
  assert.deepEqual(traced, [id]);
});

test("where one is being made already that is said", async () => {
  const trace = async () => {
    throw new DeviceError("busy", "one at a time");
  };
  assert.equal((await setUp({ trace, control: true }).post(`/api/devices/${id}/trace`)).status, 409);
});

test("a step is told to every page", async () => {
  const { get, cookie, picture } = setUp();
  const response = await get("/api/events", { Cookie: await cookie() });
  const reader = response.body!.getReader();
  let text = "";
  const until = async (word: string) => {
    while (!text.includes(word)) text += new TextDecoder().decode((await reader.read()).value);
  };
  await until("snapshot");
  picture.step({ device: id, step: "fenced" } as Step);
  await until("event: step");
  await reader.cancel();
  assert.match(text, /"step":"fenced"/);
});
