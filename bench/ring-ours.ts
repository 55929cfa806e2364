// Runs in: a process of the benchmark `ring`. Owns: both ends of one channel; prints descriptors a second, and bytes
// that V8 allocated for each request and its answer.
import { getHeapStatistics } from "node:v8";
import { ClientChannel, ClientMemory } from "@ring3/channel/client-channel";
import { DriverEnd } from "@ring3/channel/driver-end";
import { createDriverMemory } from "@ring3/channel/driver-memory";
import { defineContract, operation } from "@ring3/core/contract";
import { duplicate, pipe } from "@ring3/kernel/fd/descriptor";

const BATCH = 32;
const WARM_MS = 1000;
const contract = defineContract({
  name: "ring",
  version: 1,
  slots: 64,
  slotBytes: 64,
  operations: { nothing: operation({ nr: 3, replay: "always", deadlineMs: 1000 }) },
});

const memory = new ClientMemory(contract);
const driverMemory = createDriverMemory(contract);
const [toDriver, toClient] = [pipe(), pipe()];
const fail = (error: Error): never => {
  throw error;
};
const driver: DriverEnd = new DriverEnd(
  contract,
  {
    memory: duplicate(memory.fd),
    bellIn: toDriver.read,
    bellOut: toClient.write,
    own: duplicate(driverMemory.fd.fd),
    generation: 7,
    poll: false,
  },
  { submitted: ({ tag }) => driver.complete(tag, 0, 0, 0), cancelled() {}, malformed: fail },
);
driverMemory.seal();
let answers = 0;
const client: ClientChannel = new ClientChannel(
  memory,
  { memory: driverMemory.fd, bellIn: toClient.read, bellOut: toDriver.write, generation: 7, poll: false },
  {
    completed() {
      if (++answers % BATCH === 0) ask();
    },
    event() {},
    malformed: fail,
  },
);
const encode = () => {};
/** Since the process began, collected or not. */
const allocated = () => getHeapStatistics().total_allocated_bytes;
function ask(): void {
  for (let tag = 0; tag < BATCH; tag++) client.submit(tag, 3, 0, 0, 1000, encode);
}

driver.start();
client.start();
ask();
setTimeout(() => {
  const [began, before, already] = [performance.now(), answers, allocated()];
  setTimeout(() => {
    const bytes = allocated() - already;
    const requests = answers - before;
    console.log((requests * 2 * 1000) / (performance.now() - began), bytes / requests);
    process.exit(0);
  }, Number(process.argv[2]) * 1000);
}, WARM_MS);
