// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Guard } from "./guard.ts";

const token = "a".repeat(64);
const host = "127.0.0.1:8080";
const asker = { host, origin: undefined, site: undefined, destination: undefined, cookie: undefined };

function setUp(key = "b".repeat(64), port = 8080) {
  const used: string[] = [];
  const guard = new Guard({ port, token, key, used: () => used.push("used") });
  return { guard, used };
}
const cookieOf = (header: string | undefined) => header!.split(";")[0]!;

test("the token lets one in, once, and its cookie from then on", () => {
  const { guard, used } = setUp();
  assert.equal(guard.isAdmitted(asker), false);
  const cookie = guard.admit(token);
  assert.match(cookie!, /^ring3_8080=[0-9a-f]{64}; HttpOnly; SameSite=Strict; Path=\/$/);
  assert.equal(guard.isAdmitted({ ...asker, cookie: `other=1; ${cookieOf(cookie)}` }), true);
  assert.equal(guard.admit(token), undefined);
  assert.deepEqual(used, ["used"]);
});

test("another token lets another in", () => {
  const { guard } = setUp();
  guard.admit(token);
  guard.renew("c".repeat(64));
  assert.equal(guard.admit(token), undefined);
  assert.notEqual(guard.admit("c".repeat(64)), undefined);
});

for (const wrong of ["", "a", "b".repeat(64), `${token}a`, "é".repeat(64), "a".repeat(1_000_000)])
  test(`the token "${wrong.slice(0, 8)}…" of ${wrong.length} lets nobody in`, () => {
    const { guard, used } = setUp();
    assert.equal(guard.admit(wrong), undefined);
    assert.deepEqual(used, []);
  });

test("the next process knows whom the last has let in, another console does not", () => {
  const cookie = cookieOf(setUp().guard.admit(token));
  assert.equal(setUp().guard.isAdmitted({ ...asker, cookie }), true);
  assert.equal(setUp("d".repeat(64)).guard.isAdmitted({ ...asker, cookie }), false);
  assert.equal(setUp("b".repeat(64), 8081).guard.isAdmitted({ ...asker, cookie }), false);
});

for (const [what, change, refused] of [
  ["this machine's address", {}, false],
  ["its name", { host: "localhost:8080" }, false],
  ["its own page", { origin: `http://${host}`, site: "same-origin" }, false],
  ["a person who types the address", { site: "none" }, false],
  ["no host", { host: undefined }, true],
  ["another port", { host: "127.0.0.1:8081" }, true],
  ["a name that somebody made to mean this machine", { host: "evil.example:8080" }, true],
  ["a page from elsewhere", { origin: "http://evil.example" }, true],
  ["a page of another port here", { origin: "http://127.0.0.1:9000" }, true],
  ["a page without an origin", { origin: "null" }, true],
  ["a link on a page elsewhere", { site: "cross-site" }, true],
  ["a page of another port here, without an origin", { site: "same-site" }, true],
] as const)
  test(`${what} is ${refused ? "refused" : "heard"}`, () => {
    assert.equal(setUp().guard.refusal({ ...asker, ...change }) !== undefined, refused);
  });

for (const [what, change, isLink] of [
  ["a click on the address in a page elsewhere", { site: "cross-site", destination: "document" }, true],
  ["one in a page of another port here", { site: "same-site", destination: "document" }, true],
  ["an address that is typed", { site: "none", destination: "document" }, false],
  ["a picture in a page elsewhere", { site: "cross-site", destination: "image" }, false],
  ["a frame in a page elsewhere", { site: "cross-site", destination: "iframe" }, false],
  [
    "a form that is sent from elsewhere",
    { origin: "null", site: "cross-site", destination: "document" },
    false,
  ],
  [
    "a name that somebody made to mean this machine",
    { host: "evil.example:8080", site: "cross-site", destination: "document" },
    false,
  ],
] as const)
  test(`${what} is ${isLink ? "" : "not "}shown the door in words`, () => {
    assert.equal(setUp().guard.isLink({ ...asker, ...change }), isLink);
  });
