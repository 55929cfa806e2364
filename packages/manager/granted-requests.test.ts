// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hostRequests as hidrawRequests } from "@ring3/kernel/hidraw/constants";
import { hostRequests } from "@ring3/kernel/usbfs/constants";
import { manifest } from "./fake-host.fixture.ts";
import { everyRequest, grantedNames, grantedRequests, namesOf, requestsOfAll } from "./granted-requests.ts";

const usbfs = { transport: "usbfs" } as const;
const usbip = { transport: "usbip" } as const;

test("a usbfs grant has its surface's whole table, and no more than 18 requests", () => {
  assert.deepEqual(new Set(grantedRequests(manifest, usbfs)), new Set(Object.values(hostRequests)));
  assert.ok(everyRequest.length <= 18); // as many as crosvm allows its USB device
});

test("a manifest that names requests has those", () => {
  const narrow = { ...manifest, requests: { usb: ["USBDEVFS_SUBMITURB" as const] } };
  assert.deepEqual(grantedRequests(narrow, usbfs), [hostRequests.USBDEVFS_SUBMITURB]);
});

test("a device has the requests of the surface that it is reached by, and a process for several devices those of all", () => {
  const both = {
    ...manifest,
    grants: ["usb" as const, "hidraw" as const],
    requests: { hidraw: ["HIDIOCGFEATURE" as const] },
  };
  assert.deepEqual(grantedNames(both, { transport: "hidraw" }), ["HIDIOCGFEATURE"]);
  assert.deepEqual(new Set(grantedRequests(both, usbfs)), new Set(Object.values(hostRequests)));
  assert.deepEqual(requestsOfAll(both).length, Object.keys(hostRequests).length + 1);
  assert.deepEqual(requestsOfAll(manifest).length, Object.keys(hostRequests).length);
  assert.deepEqual(namesOf(grantedRequests(both, { transport: "hidraw" })), ["HIDIOCGFEATURE"]);
  assert.deepEqual(
    grantedRequests({ ...both, requests: {} }, { transport: "hidraw" }),
    Object.values(hidrawRequests),
  );
});

test("a stream takes no ioctl", () => {
  assert.deepEqual(grantedRequests(manifest, usbip), []);
});
