// Runs in: lab guest, root. One USB disk of QEMU's, one client, the same requests: by the kernel's usb-storage, and by ring3's in each
// placement. What each of them takes is counted and told, to `ring3 bench tradeoff --lab` too. Nothing is said of speed.
// lab machine: counting
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { machine } from "../../bench/processor.ts";
import { tableText } from "../../bench/report.ts";
import table, { type Modules, modules, NAME, type Row } from "../../bench/tradeoff.lab.ts";
import { contentOf, DirectDisk, REGION_BYTES, type Requests } from "../guest/direct-disk.ts";
import { keep } from "../guest/kept.ts";
import { madeOf } from "../guest/kernel-disk.ts";
import { plug, unplug } from "../guest/monitor.ts";
import { run } from "../guest/program.ts";
import { type GuestRing3, loggedOf, startRing3, succeeds } from "../guest/ring3.ts";
import { Functions, metBy, mountTracing, type Owner } from "../guest/tracing.ts";
import { listen } from "../guest/uevents.ts";

/** What a death of the driver takes along: so it was designed. That its client reads on is tried. */
const deaths = {
  kernel: "machine",
  inline: "reflector",
  pooled: "pool",
  isolated: "itself",
};
type Way = keyof typeof deaths;
const ways = Object.keys(deaths) as Way[];
const placements = { inline: "inline", pooled: "pooled:disks", isolated: "isolated" };

/** Command, data and status: Bulk-Only Transport 1.0 §5. */
const BOT_TRANSFERS = 3;
/** Of reflector and driver for one request: 20 are seen. Each transfer is submitted, waited for and reaped. */
const CALLS_MAX = 26;
const COUNTED = 100;

interface Workload extends Requests {
  /** Before: until V8 has compiled what runs often. */
  readonly warm: number;
}
const whole: Workload = { kind: "read", bytes: 64 << 10, stride: 1, warm: 64 };
const workloads: Readonly<Record<string, Workload>> = {
  "4K read": { kind: "read", bytes: 4 << 10, stride: 389, warm: 1024 }, // all over the region: 389 is prime to the number of its blocks
  "64K read": whole,
  "64K write": { ...whole, kind: "write" },
};

const rows: Row[] = [];
let functions: Functions;
let device: string;
let node: string;
let written = contentOf(0);

before(async () => {
  await mountTracing();
  await run("modprobe", "-a", "usb-storage", "sd_mod", "ublk_drv");
  const filters = modules.map((module) => [module, `*:mod:${module}`] as const);
  functions = new Functions({ ...Object.fromEntries(filters), urbs: "usb_submit_urb" });
  using announced = listen();
  const bus = { bus: "xhci.0", port: "2" };
  await plug({ driver: "usb-storage", id: "counted", ...bus, drive: "disk0", serial: "COUNTED" });
  ({ node, device } = madeOf(await announced.next("add", "disk")));
  using disk = new DirectDisk(node);
  disk.do(workloads["64K write"]!, REGION_BYTES / whole.bytes, written);
});
after(async () => {
  functions?.[Symbol.dispose]();
  await unplug("counted");
});

/** The client's is this one. */
interface Processes {
  readonly reflector: readonly Owner[];
  /** An inline driver's is its reflector. */
  readonly driver: readonly Owner[];
}

/** Reads what was written last, then writes content of its own. */
function count(way: Way, disk: DirectDisk, { reflector, driver }: Processes): void {
  const own = contentOf(1 + ways.indexOf(way));
  const counted = Object.entries(workloads).map(([request, workload]) => {
    if (workload.kind === "write") written = own;
    const use = () => disk.do(workload, COUNTED, written);
    disk.do(workload, workload.warm, written);
    const calls = metBy("raw_syscalls/sys_enter", use);
    const switches = metBy("sched/sched_switch", use);
    return { request, use, calls, switches, entered: functions.entered(use) };
  });
  using all = new Functions({ functions: null }); // last: every call of any function of the kernel takes its time now
  for (const { request, use, calls, switches, entered } of counted)
    rows.push({
      request,
      by: way,
      client: each(calls, process.pid),
      reflector: each(calls, ...reflector),
      driver: each(calls, ...driver),
      switches: each(switches, process.pid, ...reflector, ...driver, "kernel"),
      urbs: each(entered, "urbs"),
      functions: Math.round(each(all.entered(use), "functions")),
      ...(Object.fromEntries(modules.map((module) => [module, each(entered, module)])) as Modules),
      death: deaths[way],
    });
}

/** Of one request. */
function each<Key>(counts: ReadonlyMap<Key, number>, ...keys: readonly Key[]): number {
  return Number((keys.reduce((sum, key) => sum + (counts.get(key) ?? 0), 0) / COUNTED).toFixed(1));
}

/** Of a ring3 that drives the disk. */
async function processesOf({ ring3 }: GuestRing3): Promise<Processes> {
  const { hostPid } = await ring3.device(device);
  const reflectors = (await ring3.status()).reflectors.map(({ pid }) => pid);
  return { reflector: reflectors.filter((pid) => pid !== hostPid), driver: [hostPid!] };
}

test("kernel: its own usb-storage drives the disk", () => {
  using disk = new DirectDisk(node);
  count("kernel", disk, { reflector: [], driver: [] });
});

for (const [way, placement] of Object.entries(placements))
  test(`${way}: ring3 drives the disk so; its driver is killed while the client reads, and the client reads on`, async () => {
    await using guest = await startRing3({ block: "ublk", placement });
    const { ring3, life } = guest;
    await succeeds(ring3, "start", device, "--take");
    await loggedOf(ring3, device, async () => {
      const { address } = (await life.served({ device })).units[0]!.endpoints[0]!;
      const processes = await processesOf(guest);
      using disk = new DirectDisk(address);
      count(way as Way, disk, processes);

      let reading = true;
      const options = ["bs=8k", `count=${REGION_BYTES / 8192}`, "iflag=direct", "status=none"];
      const read = run("sh", "-c", `dd if=${address} ${options.join(" ")} | sha256sum`).finally(() => {
        reading = false;
      });
      await life.kill({ device });
      assert.ok(reading, "the client had read everything before there was another driver");
      assert.equal((await read).split(" ")[0], createHash("sha256").update(written).digest("hex"));
    });
    using announced = listen();
    await succeeds(ring3, "stop", device);
    ({ node } = madeOf(await announced.next("add", "disk")));
  });

test("kernel again: it reads what the last of ring3's has written", () => {
  using disk = new DirectDisk(node);
  disk.do(whole, REGION_BYTES / whole.bytes, written);
});

/** The same of each request, by two ways. */
function compared(a: Way, b: Way, compare: (a: Row, b: Row) => void): void {
  const of = (way: Way) => rows.filter(({ by }) => by === way);
  assert.deepEqual([of(a).length, of(b).length], [3, 3]);
  for (const [index, row] of of(a).entries()) compare(row, of(b)[index]!);
}

for (const way of ["inline", "pooled", "isolated"] as const)
  test(`${way}: as many transfers as the kernel's own driver needs, and none of its modules' work`, () =>
    compared("kernel", way, (kernel, ours) => {
      for (const { client } of [kernel, ours]) assert.ok(client >= 1 && client < 2);
      assert.deepEqual([kernel.urbs, ours.urbs], [BOT_TRANSFERS, BOT_TRANSFERS]);
      assert.deepEqual([ours.usb_storage, ours.scsi_mod, ours.sd_mod, kernel.ublk_drv], [0, 0, 0, 0]);
      for (const count of [kernel.usb_storage, kernel.scsi_mod, kernel.sd_mod, ours.ublk_drv])
        assert.ok(count > 1);
      assert.deepEqual([kernel.reflector, kernel.driver], [0, 0]);
      assert.ok(ours.driver > BOT_TRANSFERS, "it submits each transfer");
      assert.ok(ours.reflector + ours.driver < CALLS_MAX);
      assert.ok(ours.functions > kernel.functions);
    }));

test("inline: fewer system calls than isolated, and it gives up the processor less often", () =>
  compared("inline", "isolated", (inline, isolated) => {
    assert.equal(inline.reflector, 0); // the other disks' one has nothing to do
    assert.ok(isolated.reflector > 1);
    assert.ok(inline.driver < isolated.reflector + isolated.driver);
    assert.ok(inline.switches < isolated.switches);
  }));

test("told", () => {
  assert.equal(rows.length, ways.length * Object.keys(workloads).length);
  const counted = { rows, machine: machine() };
  console.log(tableText(NAME, table, counted));
  keep(NAME, JSON.stringify(counted));
});
