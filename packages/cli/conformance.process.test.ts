// Runs in: tests. Owns: a ring3 for each placement. One driver, unchanged, passes the suite of its class in each of them, as applications see it.
import assert from "node:assert/strict";
import { after } from "node:test";
import { blockConformance } from "@ring3/classes/block/conformance";
import { blockClass, connect } from "@ring3/client";
import { RunningRing3 } from "./running-ring3.fixture.ts";

for (const placement of ["isolated", "pooled:disks", "inline"]) {
  let running: RunningRing3 | undefined;
  after(() => running?.stop());
  blockConformance(`usb-storage, ${placement}`, async () => {
    running = await RunningRing3.start({ config: `placement: { usb-storage: "${placement}" }\n` });
    const [drive, other] = [await running.plug("suite"), await running.plug("beside")];
    const [status] = [
      await running.reached(drive.device, "running"),
      await running.reached(other.device, "running"),
    ];
    assert.equal(status.placement, placement);
    const client = await connect({ stateDir: running.directory });
    const port = await client.open(`${drive.device}#0`, blockClass, "write");
    const close = async () => {
      await port.close();
      client.close();
    };
    return { port, close };
  });
}
