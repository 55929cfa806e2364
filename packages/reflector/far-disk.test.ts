// Runs in: node --test. Owns: a disk behind a channel, as reflectors and applications see it: the suite that its driver passes, once more.
import { DriverEnd, type Submission } from "@ring3/channel/driver-end";
import { createDriverMemory } from "@ring3/channel/driver-memory";
import { blockConformance, readOnlyConformance } from "@ring3/classes/block/conformance";
import { BLOCK_MEDIUM_PRESENT, BLOCK_READ_ONLY, type Block, block } from "@ring3/classes/block/contract";
import { type MemoryDiskOptions, memoryDisk } from "@ring3/classes/block/memory-disk.fixture";
import { recovery } from "@ring3/classes/block/recovery";
import { ClientEnd } from "@ring3/client/client-end";
import { systemClock } from "@ring3/kernel/clock/clock";
import { duplicate, pipe } from "@ring3/kernel/fd/descriptor";

const far = (options: MemoryDiskOptions) => async () => {
  const { slots, slotBytes } = block;
  const disk = memoryDisk({ slots, slotBytes, ...options });
  const end = new ClientEnd<Block>({
    contract: block,
    recovery,
    properties: disk.geometry,
    operations: Object.keys(block.operations).filter((name) => !options.lacks?.includes(name)),
    clock: systemClock,
    listener: { suspect() {}, progress() {}, replayed() {} },
  });
  const [toDriver, toClient] = [pipe(), pipe()];

  async function serve({ tag, operation, input, data }: Submission): Promise<void> {
    const [slot] = await disk.port.reserve(1);
    slot!.room(data.length).set(data);
    const submit = disk.port.submit as (...args: unknown[]) => ReturnType<typeof disk.port.submit>;
    const done = await submit(operation, input, slot, data.length);
    data.set(done.data);
    driver.complete(tag, done.kind, done.errno, done.data.length);
    disk.port.release(slot!);
  }

  end.prepare();
  const memory = createDriverMemory(block);
  const driver = new DriverEnd(
    block,
    {
      memory: duplicate(end.memoryFd),
      bellIn: toDriver.read,
      bellOut: toClient.write,
      own: duplicate(memory.fd.fd),
      generation: 1,
      poll: false,
    },
    {
      submitted: (request) => void serve(request),
      cancelled() {},
      malformed(error) {
        throw error;
      },
    },
  );
  memory.seal();
  driver.start();
  end.attach(
    {
      memory: memory.fd,
      bellIn: toClient.read,
      bellOut: toDriver.write,
      generation: 1,
      poll: false,
    },
    1000,
  );
  const close = async () => {
    await end.idle();
    end.close();
    driver.close();
  };
  return { port: end, close };
};

blockConformance("a disk behind a channel", far({}));
blockConformance(
  "a disk of 4096-byte sectors behind a channel, the seventh medium in it",
  far({ sectorBytes: 4096, medium: 7 }),
);
blockConformance(
  "a disk behind a channel that can neither discard nor write zeroes",
  far({ lacks: ["discard", "writeZeroes"] }),
);
readOnlyConformance(
  "a read-only disk behind a channel",
  far({ flags: BLOCK_MEDIUM_PRESENT | BLOCK_READ_ONLY }),
);
