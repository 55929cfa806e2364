// Runs in: tests.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hostEdge } from "@ring3/control/host-edge";
import { callingPeer } from "@ring3/control/peer";
import { type Descriptor, nullDevice, pipe } from "@ring3/kernel/fd/descriptor";
import { FrameSocket, socketPair } from "@ring3/kernel/socket/frame-socket";
import { endForsakenJails } from "./forsaken.ts";
import { createJail, noJail, runtimePaths } from "./jail.ts";

/** Its place in the order (manager/jail.ts). */
const STATUS = 4;
const shape = { memoryMb: 64, cpuPercent: undefined, tier: "standard" } as const;

test("without a jail every descriptor of an order goes with it, or is closed", () => {
  const descriptors = {
    input: nullDevice(),
    errors: nullDevice(),
    control: nullDevice(),
    status: nullDevice(),
  };
  const jail = noJail({ node: "node", host: "host.cjs", code: [], addon: "kernel.node" });
  const { stdio } = jail.order(descriptors, shape);
  const left = Object.values(descriptors).filter((each) => !stdio.includes(each) && each.fd !== -1);
  for (const each of Object.values(descriptors)) each.close();
  assert.deepEqual(left, []);
});

/** A host of this checkout in a jail. `unread`: bubblewrap tells its status to nobody. */
async function jailed(unread: "as ordered" | "and breaks its pipe") {
  const jail = await createJail(runtimePaths(join(import.meta.dirname, "../../build")), tmpdir(), undefined);
  const [ours, control] = socketPair();
  const [errors, status, broken] = [pipe(), pipe(), pipe()];
  const descriptors = { input: nullDevice(), errors: errors.write, control, status: status.write };
  const { file, args, stdio } = jail.order(descriptors, shape);
  for (const { read } of [status, broken]) read.close();
  const fds = stdio.map((each) => (each as Descriptor).fd);
  if (unread === "and breaks its pipe") fds[STATUS] = broken.write.fd;
  const outer = spawn(file, args, { stdio: fds });
  for (const each of [errors.read, broken.write, ...new Set(stdio as Descriptor[])]) each.close();
  const peer = callingPeer(hostEdge, new FrameSocket(ours), {
    log() {},
    failed() {},
    disconnected() {},
    changed() {},
  });
  const ended = once(outer, "exit");
  const end = async () => {
    peer.close(); // the host ends with it
    return await ended;
  };
  const ping = () => peer.call("ping", {}).then(({ result }) => result);
  return { ping, answer: () => Promise.race([ping(), ended]), ended, end };
}

test("a jail comes to stand though the manager that was to hear of it is dead", async () => {
  const { answer, end } = await jailed("as ordered");
  assert.deepEqual(await answer(), {});
  assert.deepEqual(await end(), [0, null]);
});

test("a jail that was being made when its maker died is found, and ended; one that stands is not", async () => {
  const stands = await jailed("as ordered");
  assert.deepEqual(await stands.answer(), {});
  const forsaken = await jailed("and breaks its pipe");
  assert.deepEqual(await forsaken.ended, [null, "SIGPIPE"]); // its child waits for its word
  endForsakenJails();
  await assert.rejects(forsaken.ping(), { kind: "disconnected" });
  assert.deepEqual(await stands.answer(), {});
  await stands.end();
});
