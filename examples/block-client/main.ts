// Runs in: an application. Owns: a channel to one disk's driver. Reads and writes sectors without a file system, block
// device or server in between; when the driver dies meanwhile, requests take longer and nothing else happens.
import { once } from "node:events";
import { parseArgs } from "node:util";
import type { Block } from "@ring3/classes/block/contract";
import { blockClass, connect, type OpenUnit, type Ring3 } from "@ring3/client";

/** Requests that travel at a time: the driver never waits for us, nor we for it. */
const depth = 8;

const usage = `block-client list
block-client read UNIT FIRST COUNT > FILE     sectors to standard output
block-client write UNIT FIRST < FILE          sectors from standard input, then a flush
UNIT is a unit's id as in "ring3 status", such as usb-1-4:1.0#0. --state-dir DIR names the ring3.`;

function list(ring3: Ring3): void {
  for (const { unit, name, properties } of ring3.units.filter((info) => info.class === "block")) {
    console.log(`${unit}  ${properties.sectors} sectors of ${properties.sectorBytes} bytes  ${name}`);
  }
}

async function read(disk: OpenUnit<Block>, first: number, count: number): Promise<void> {
  const { sectorBytes, maxTransferSectors } = disk.properties;
  const inFlight: Promise<Uint8Array>[] = [];
  const next = async () => {
    const data = await inFlight.shift()!;
    if (!process.stdout.write(data)) await once(process.stdout, "drain");
  };
  for (let lba = first; lba < first + count; lba += maxTransferSectors) {
    const sectors = Math.min(maxTransferSectors, first + count - lba);
    const request = disk.request(
      "read",
      { lba, count: sectors, medium: disk.properties.medium },
      { length: sectors * sectorBytes },
    );
    inFlight.push(handledLater(request.then(({ data }) => data)));
    if (inFlight.length === depth) await next();
  }
  while (inFlight.length > 0) await next();
}

async function write(disk: OpenUnit<Block>, first: number): Promise<void> {
  const { sectorBytes, maxTransferSectors } = disk.properties;
  const inFlight: Promise<unknown>[] = [];
  let lba = first;
  for await (const data of pieces(process.stdin, sectorBytes, maxTransferSectors * sectorBytes)) {
    const count = data.length / sectorBytes;
    const { medium } = disk.properties;
    inFlight.push(handledLater(disk.request("write", { lba, count, fua: 0, medium }, { data })));
    lba += count;
    if (inFlight.length === depth) await inFlight.shift();
  }
  await Promise.all(inFlight);
  await disk.request("flush", { medium: disk.properties.medium }); // before this the disk may hold what was written in its cache only
  console.error(`${lba - first} sectors written from ${first}`);
}

/** A request that fails while an earlier one is awaited is reported when its turn comes, not as unhandled before. */
function handledLater<T>(request: Promise<T>): Promise<T> {
  request.catch(() => {});
  return request;
}

/** The stream in pieces of at most `most` bytes, each a whole number of sectors. */
async function* pieces(
  stream: AsyncIterable<Uint8Array>,
  sectorBytes: number,
  most: number,
): AsyncGenerator<Uint8Array> {
  let kept = new Uint8Array(0);
  for await (const chunk of stream) {
    kept = Buffer.concat([kept, chunk]);
    while (kept.length >= most) {
      yield kept.subarray(0, most);
      kept = kept.subarray(most);
    }
  }
  if (kept.length % sectorBytes !== 0)
    throw new Error(`the input ends ${kept.length % sectorBytes} bytes into a sector of ${sectorBytes}`);
  if (kept.length > 0) yield kept;
}

function sectors(text: string | undefined, what: string): number {
  if (text === undefined || !/^\d{1,15}$/.test(text))
    throw new Error(`${what}: expected a number of sectors, found ${text ?? "none"}\n${usage}`);
  return Number(text);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { "state-dir": { type: "string" } },
    allowPositionals: true,
  });
  const [verb, unit, first, count] = positionals;
  const stateDir = values["state-dir"];
  using ring3 = await connect(stateDir === undefined ? {} : { stateDir });
  if (verb === "list") return list(ring3);
  if (unit === undefined || (verb !== "read" && verb !== "write")) throw new Error(usage);
  await using disk = await ring3.open(unit, blockClass, verb);
  if (verb === "read") await read(disk, sectors(first, "FIRST"), sectors(count, "COUNT"));
  else await write(disk, sectors(first, "FIRST"));
}

try {
  await main();
} catch (error) {
  console.error(`block-client: ${(error as Error).message}`);
  process.exitCode = 1;
}
