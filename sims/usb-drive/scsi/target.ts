// Runs in: the usb-drive sim. Owns: the logical units, and which command each operation code is.
// Source: SPC-4 §5.13 (unit attention), §6.33 (REPORT LUNS), §6.39 (REQUEST SENSE); SBC-3 §5.25 (START STOP UNIT).
import { flush, read, readCapacity10, serviceActionIn16, synchronizeCache, verify, write } from "./blocks.ts";
import { cdbLength, op } from "./cdb.ts";
import { inquiry } from "./inquiry.ts";
import { modeSense } from "./mode.ts";
import { act, fail, type Plan, reply } from "./plan.ts";
import { unmap, writeSame } from "./provisioning.ts";
import {
  encodeSense,
  INVALID_COMMAND,
  INVALID_FIELD_IN_CDB,
  NO_MEDIUM,
  NO_SENSE,
  NO_SUCH_UNIT,
  REMOVAL_PREVENTED,
  type Sense,
} from "./sense.ts";
import { isSense, type LogicalUnit } from "./unit.ts";

type Command = (unit: LogicalUnit, cdb: DataView) => Plan;

const commands = new Map<number, Command>([
  [op.testUnitReady, testUnitReady],
  [op.modeSense6, modeSense],
  [op.modeSense10, modeSense],
  [op.startStopUnit, startStopUnit],
  [op.preventAllowMediumRemoval, preventAllow],
  [op.readCapacity10, readCapacity10],
  [op.serviceActionIn16, serviceActionIn16],
  [op.read10, read],
  [op.read12, read],
  [op.read16, read],
  [op.write10, write],
  [op.write12, write],
  [op.write16, write],
  [op.verify10, verify],
  [op.verify12, verify],
  [op.verify16, verify],
  [op.synchronizeCache10, synchronizeCache],
  [op.synchronizeCache16, synchronizeCache],
  [op.unmap, unmap],
  [op.writeSame10, writeSame],
  [op.writeSame16, writeSame],
]);

const reads: readonly number[] = [op.read10, op.read12, op.read16];
const writes: readonly number[] = [op.write10, op.write12, op.write16];

export class ScsiTarget {
  readonly units: readonly LogicalUnit[];

  constructor(units: readonly LogicalUnit[]) {
    this.units = units;
  }

  /** Faults count READ and WRITE commands, and only those. */
  transferOf(cdb: Uint8Array): "read" | "write" | undefined {
    if (reads.includes(cdb[0]!)) return "read";
    return writes.includes(cdb[0]!) ? "write" : undefined;
  }

  plan(lun: number, block: Uint8Array): Plan {
    const opcode = block[0]!;
    const padded = new Uint8Array(16);
    padded.set(block);
    const cdb = new DataView(padded.buffer);
    const unit = this.units[lun];
    const short = block.length < cdbLength(opcode);
    if (short) return fail(INVALID_FIELD_IN_CDB);
    if (opcode === op.inquiry) return inquiry(unit, cdb);
    if (opcode === op.requestSense) return this.#requestSense(unit, cdb);
    if (unit === undefined) return fail(NO_SUCH_UNIT);
    unit.sense = undefined; // sense data is kept until the next command, SPC-4 §5.12
    if (opcode === op.reportLuns) return this.#reportLuns(cdb);
    const attention = unit.takeAttention();
    if (attention !== undefined) return fail(attention);
    return commands.get(opcode)?.(unit, cdb) ?? fail(INVALID_COMMAND);
  }

  /** How a command ended; REQUEST SENSE will tell. */
  conclude(lun: number, sense: Sense | undefined): void {
    const unit = this.units[lun];
    if (unit !== undefined && sense !== undefined) unit.sense = sense;
  }

  reset(): void {
    for (const unit of this.units) unit.reset();
  }

  losePower(): void {
    for (const unit of this.units) unit.losePower();
  }

  #requestSense(unit: LogicalUnit | undefined, cdb: DataView): Plan {
    const descriptorFormat = (cdb.getUint8(1) & 1) !== 0;
    if (descriptorFormat) return fail(INVALID_FIELD_IN_CDB);
    const sense = unit === undefined ? NO_SUCH_UNIT : (unit.sense ?? unit.takeAttention() ?? NO_SENSE);
    if (unit !== undefined) unit.sense = undefined;
    return reply(encodeSense(sense), cdb.getUint8(4));
  }

  #reportLuns(cdb: DataView): Plan {
    const select = cdb.getUint8(2);
    const allocation = cdb.getUint32(6);
    if (select > 2 || allocation < 16) return fail(INVALID_FIELD_IN_CDB);
    const luns = select === 1 ? [] : this.units; // 1: well-known units only, and there are none
    const bytes = Buffer.alloc(8 + 8 * luns.length);
    bytes.writeUInt32BE(8 * luns.length, 0);
    for (const lun of luns.keys()) bytes.writeUInt8(lun, 8 + 8 * lun + 1); // peripheral device addressing, SAM-5 §4.7.7.2
    return reply(bytes, allocation);
  }
}

function testUnitReady(unit: LogicalUnit): Plan {
  const medium = unit.ready();
  return isSense(medium) ? fail(medium) : act(() => undefined);
}

function startStopUnit(unit: LogicalUnit, cdb: DataView): Plan {
  const flags = cdb.getUint8(4);
  const powerCondition = flags >> 4;
  const loadEject = (flags & 2) !== 0;
  const start = (flags & 1) !== 0;
  if (powerCondition !== 0 || (loadEject && !unit.options.removable)) return fail(INVALID_FIELD_IN_CDB);
  const medium = unit.medium;
  if (medium === undefined) return loadEject && !start ? act(() => undefined) : fail(NO_MEDIUM);
  if (loadEject && !start && unit.removalPrevented) return fail(REMOVAL_PREVENTED);
  return act(async () => {
    if (start) {
      unit.stopped = false;
      return undefined;
    }
    const failure = await flush(medium);
    if (failure !== undefined) return failure;
    if (loadEject) await (await unit.eject())?.close();
    else unit.stopped = true;
    return undefined;
  });
}

function preventAllow(unit: LogicalUnit, cdb: DataView): Plan {
  const prevent = cdb.getUint8(4) & 3;
  if (!unit.options.removable || prevent > 1) return fail(INVALID_FIELD_IN_CDB);
  return act(() => {
    unit.removalPrevented = prevent === 1;
    return undefined;
  });
}
