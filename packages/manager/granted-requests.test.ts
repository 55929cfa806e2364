// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hostRequests } from "@ring3/kernel/usbfs/constants";
import { manifest } from "./fake-host.fixture.ts";
import { everyRequest, grantedRequests } from "./granted-requests.ts";

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

test("a stream takes no ioctl", () => {
  assert.deepEqual(grantedRequests(manifest, usbip), []);
});
