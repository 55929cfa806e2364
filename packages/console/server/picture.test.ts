// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceMetrics, Metrics } from "@ring3/control/metrics";
import type { DeviceStatus, Status } from "@ring3/control/status";
import { HISTOGRAM_BUCKETS } from "@ring3/core/histogram";
import type { Workload } from "../edge.ts";
import { Picture } from "./picture.ts";

const device = (id: string, state = "running") => ({ id, state }) as DeviceStatus;
const counted = (id: string, requests: number) =>
  ({
    id,
    requests,
    latencies: new Array(HISTOGRAM_BUCKETS).fill(0),
    process: null,
  }) as unknown as DeviceMetrics;

function setUp(...devices: DeviceStatus[]) {
  const told: string[] = [];
  let seconds = 0;
  const picture = new Picture(
    { status: { keeperPid: 7, devices } as unknown as Status },
    (event, value) => told.push(`${event} ${JSON.stringify(value)}`),
    () => seconds * 1000,
  );
  /** A second later: what each device has done by then. */
  const count = (...devices: DeviceMetrics[]) => {
    seconds++;
    picture.metrics({ nowMs: seconds * 1000, devices } as Metrics);
  };
  return { picture, told, count };
}

test("a page that is new is shown all devices as they are now, in the order in which they came", () => {
  const { picture, told } = setUp(device("a"), device("b"));
  picture.device(device("c", "starting"));
  picture.device(device("a", "failed"));
  picture.gone({ id: "b" });
  const { status, second, workload } = picture.whole();
  assert.deepEqual(status, { keeperPid: 7, devices: [device("a", "failed"), device("c", "starting")] });
  assert.deepEqual([second, workload], [null, null]);
  assert.deepEqual(told, [
    'device {"id":"c","state":"starting"}',
    'device {"id":"a","state":"failed"}',
    'gone {"id":"b"}',
  ]);
});

test("a device is there from its first word until it goes", () => {
  const { picture } = setUp(device("a"));
  picture.device(device("b"));
  picture.gone({ id: "a" });
  assert.deepEqual(
    ["a", "b", "c"].map((id) => picture.stateOf(id)),
    [undefined, "running", undefined],
  );
});

test("of counts the difference is told, in a second; of the first there is none", () => {
  const { picture, told, count } = setUp();
  count(counted("a", 100));
  assert.deepEqual([told, picture.whole().second], [[], null]);
  count(counted("a", 150));
  assert.equal(told.length, 1);
  const { timeMs, rates } = picture.whole().second!;
  assert.deepEqual([timeMs, rates.map(({ id, requests }) => [id, requests])], [2000, [["a", 50]]]);
});

test("a device has the seconds in which it was there, oldest first", () => {
  const { picture, count } = setUp();
  count();
  count(counted("a", 1));
  count(counted("a", 3), counted("b", 5));
  count(counted("b", 9));
  const secondsOf = (id: string) =>
    picture.seconds(id).map(({ timeMs, rates }) => [timeMs, rates.id, rates.requests]);
  assert.deepEqual(secondsOf("a"), [
    [2000, "a", 0],
    [3000, "a", 2],
  ]);
  assert.deepEqual(secondsOf("b"), [
    [3000, "b", 0],
    [4000, "b", 4],
  ]);
  assert.deepEqual(secondsOf("c"), []);
});

test("two minutes are kept, however long it runs", () => {
  const { picture, count } = setUp();
  for (let second = 0; second <= 1000; second++) count(counted("a", second));
  const seconds = picture.seconds("a");
  assert.deepEqual([seconds.length, seconds[0]!.timeMs, seconds.at(-1)!.timeMs], [120, 882_000, 1_001_000]);
});

test("how a demo's program fares is shown to who comes later too", () => {
  const { picture, told } = setUp();
  const workload: Workload = { device: "a", blocks: 9, lost: 0, longestMs: 1 };
  picture.workload(workload);
  assert.deepEqual(picture.whole().workload, workload);
  assert.deepEqual(told, [`workload ${JSON.stringify(workload)}`]);
});

test("what is said and what a device goes through is told on, and not kept here", () => {
  const { picture, told } = setUp();
  const before = JSON.stringify(picture.whole());
  picture.logged({ message: "hello" } as never);
  picture.passage({ device: "a" } as never);
  assert.deepEqual(told, ['log {"message":"hello"}', 'passage {"device":"a"}']);
  assert.equal(JSON.stringify(picture.whole()), before);
});
