// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Manifest } from "@ring3/control/manifest";
import { manualClock } from "@ring3/core/clock";
import { createLog } from "@ring3/core/log";
import type { InstalledDriver } from "./drivers.ts";
import { code, codeBytes, manifest } from "./fake-host.fixture.ts";
import { grantedRequests } from "./granted-requests.ts";
import { placed } from "./placement.ts";

function driver(name: string, fields: Partial<Manifest> = {}): InstalledDriver {
  return { manifest: { ...manifest, name, ...fields }, code, codeBytes, sourceMap: undefined };
}

function place(drivers: readonly InstalledDriver[], rules: Readonly<Record<string, string>> = {}) {
  const said: string[] = [];
  const log = createLog("test", ({ level, message }) => said.push(`${level}: ${message}`), manualClock());
  const found = placed(drivers, rules, log);
  return { found, said, where: found.map(({ manifest: { name, placement } }) => `${name} ${placement}`) };
}

const limits = (memoryMb: number, cpuPercent?: number) => ({
  limits: { ...manifest.limits, memoryMb, ...(cpuPercent === undefined ? {} : { cpuPercent }) },
});
const pooled = { placement: "pooled:disks" };

test("a rule of ring3.yaml stands above the manifest, for the driver that it names", () => {
  const { where, said } = place([driver("a"), driver("b", pooled)], { a: "inline", b: "isolated" });
  assert.deepEqual([where, said], [["a inline", "b isolated"], []]);
});

test("a rule for a driver that there is not is said", () =>
  assert.deepEqual(place([driver("a")], { b: "inline" }).said, [
    "warn: placement of b in ring3.yaml: there is no driver of that name",
  ]));

test("an isolated driver needs no process but its own", () =>
  assert.equal(place([driver("a")]).found[0]!.shared, undefined));

test("a pool's process may do what any of its drivers is granted, and hold as much as the one that may hold most", () => {
  const requests = (usb: readonly string[]) => ({ requests: { usb } }) as unknown as Partial<Manifest>;
  const a = driver("a", { ...pooled, ...limits(64, 20), ...requests(["USBDEVFS_RESET"]) });
  const b = driver("b", {
    ...pooled,
    ...limits(512, 50),
    ...requests(["USBDEVFS_RESET", "USBDEVFS_CLEAR_HALT"]),
  });
  const { found } = place([a, b, driver("c", limits(4096)), driver("d", { placement: "pooled:pads" })]);
  const both = grantedRequests(b.manifest, { transport: "usbfs" }).toSorted((x, y) => x - y);
  assert.equal(both.length, 2);
  const shared = { memoryMb: 512, cpuPercent: 50, requests: both };
  assert.deepEqual([found[0]!.shared, found[1]!.shared], [shared, shared]);
});

test("one driver without a share of the processor leaves its pool without one", () =>
  assert.equal(
    place([driver("a", { ...pooled, ...limits(64, 20) }), driver("b", pooled)]).found[0]!.shared!.cpuPercent,
    undefined,
  ));

test("an inline driver has its reflector for itself, whatever the transport of its first device", () => {
  const [inline] = place([driver("a", { placement: "inline" }), driver("b", { placement: "inline" })]).found;
  assert.deepEqual(
    inline!.shared!.requests,
    grantedRequests(manifest, { transport: "usbfs" }).toSorted((x, y) => x - y),
  );
  assert.equal(inline!.shared!.memoryMb, manifest.limits.memoryMb);
});

test("a strict driver that a rule puts inline is left out, and why", () => {
  const { where, said } = place([driver("a", { sandbox: "strict" }), driver("b")], { a: "inline" });
  assert.deepEqual(where, ["b isolated"]);
  assert.match(said.join(), /^error: driver left out: a: placement "inline" beside sandbox "strict": /);
});

test("a driver of another tier than the first of its pool is left out, and why", () => {
  const { where, said } = place([driver("a", pooled), driver("b", { ...pooled, sandbox: "strict" })]);
  assert.deepEqual(where, ["a pooled:disks"]);
  assert.match(
    said.join(),
    /^error: driver left out: b: placement "pooled:disks" with sandbox "strict": a is in that pool with sandbox "standard"/,
  );
});
