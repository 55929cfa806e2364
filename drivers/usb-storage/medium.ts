// Runs in: driver host, jailed. Owns: finding out what a LUN's medium is: capacity, write protection, cache, provisioning.
import {
  BLOCK_DISCARD,
  BLOCK_FUA,
  BLOCK_MEDIUM_PRESENT,
  BLOCK_READ_ONLY,
  BLOCK_REMOVABLE,
  BLOCK_ROTATIONAL,
  BLOCK_WRITE_CACHE,
  DeviceError,
  type Wait,
} from "@ring3/sdk";
import { inquiry, modeSense6, modeSense10, readCapacity10, readCapacity16 } from "./cdb.ts";
import {
  ALL_PAGES,
  type BlockLimits,
  CACHING_PAGE,
  CAPACITY_10_BYTES,
  CAPACITY_16_BYTES,
  type Capacity,
  type Inquiry,
  MODE_SENSE_BYTES,
  type ModeData,
  NO_LIMITS,
  NO_PROVISIONING,
  type Provisioning,
  parseBlockLimits,
  parseCapacity10,
  parseCapacity16,
  parseModeSense,
  parseProvisioning,
  parseRotational,
  parseSupportedPages,
  SPC_3,
  VPD_BLOCK_LIMITS,
  VPD_BYTES,
  VPD_CHARACTERISTICS,
  VPD_PROVISIONING,
  VPD_SUPPORTED,
} from "./replies.ts";
import type { Target } from "./target.ts";
import type { Host } from "./transport.ts";

export interface Medium extends Capacity {
  readonly readOnly: boolean;
  readonly fua: boolean;
  /** undefined: the device does not tell. Then a flush asks it. */
  readonly writeCache: boolean | undefined;
  readonly limits: BlockLimits;
  readonly provisioning: Provisioning;
  /** False also where the device is not asked. */
  readonly rotational: boolean;
}

/** What of a medium a device tells only when it is asked questions that it need not answer. */
export type Particulars = Omit<Medium, "sectors" | "sectorBytes">;

/** What clients are told of a LUN and the medium in it, if one is. */
export function flagsOf(about: Inquiry, medium: Medium | undefined): number {
  const removable = about.removable ? BLOCK_REMOVABLE : 0;
  if (medium === undefined) return removable;
  const { unmap, writeSame } = medium.provisioning;
  return (
    removable |
    BLOCK_MEDIUM_PRESENT |
    (medium.readOnly ? BLOCK_READ_ONLY : 0) |
    (medium.writeCache !== false ? BLOCK_WRITE_CACHE : 0) |
    (medium.fua ? BLOCK_FUA : 0) |
    (medium.rotational ? BLOCK_ROTATIONAL : 0) |
    (unmap || writeSame ? BLOCK_DISCARD : 0)
  );
}

/** A question that a device need not answer; cheap sticks hang on some. */
const OPTIONAL_MS = 3_000;

/**
 * The caller holds a turn. `known`: its particulars, should it be the medium of that size that they were asked of before. Rejects with
 * "no-medium" and the like from the target.
 */
export async function readMedium(
  target: Target,
  host: Host,
  about: Inquiry,
  known: (sectors: number, sectorBytes: number) => Particulars | undefined,
  wait: Wait,
): Promise<Medium> {
  const ask = async <T>(
    parse: (bytes: Uint8Array) => T,
    command: Parameters<Target["run"]>[0],
    length: number,
    limit: Wait,
  ): Promise<T> => {
    const data = new Uint8Array(length);
    // A capacity is of no use in part; of everything else devices send what they have.
    const whole = length === CAPACITY_10_BYTES;
    return parse(data.subarray(0, await target.run(command, data, limit, { whole })));
  };

  async function optional<T>(run: (limit: Wait) => Promise<T>): Promise<T | undefined> {
    using limit = host.limit(OPTIONAL_MS, wait);
    try {
      return await run(limit);
    } catch (error) {
      wait.signal?.throwIfAborted();
      if (!(error instanceof DeviceError) || passesOn.has(error.kind)) throw error;
      host.log.debug(`LUN ${target.lun}: ${error.message}`);
      return undefined;
    }
  }

  async function readCapacity(small: Omit<Capacity, "provisioned"> | undefined): Promise<Capacity> {
    const large = (limit: Wait): Promise<Capacity> =>
      ask(parseCapacity16, readCapacity16(CAPACITY_16_BYTES), CAPACITY_16_BYTES, limit);
    if (small === undefined) return await large(wait);
    // Older devices do not know it, and need not: only provisioning is still to learn.
    const also = about.version >= SPC_3 ? await optional(large) : undefined;
    return { ...small, provisioned: also?.provisioned ?? false };
  }

  async function readMode(): Promise<ModeData> {
    const six = (page: number) => (limit: Wait) =>
      ask((bytes) => parseModeSense(bytes, 6), modeSense6(page, MODE_SENSE_BYTES), MODE_SENSE_BYTES, limit);
    const ten = (limit: Wait): Promise<ModeData> =>
      ask(
        (bytes) => parseModeSense(bytes, 10),
        modeSense10(ALL_PAGES, MODE_SENSE_BYTES),
        MODE_SENSE_BYTES,
        limit,
      );
    const all = (await optional(six(ALL_PAGES))) ?? (await optional(ten));
    if (all === undefined) return { writeProtected: false, fua: false, writeCache: undefined };
    if (all.writeCache !== undefined || about.version < SPC_3) return all;
    // Sticks that claim less than SPC-3 are known to hang on this page (Linux: skip_ms_page_8).
    return { ...all, writeCache: (await optional(six(CACHING_PAGE)))?.writeCache };
  }

  async function readVitalData(): Promise<Pick<Medium, "limits" | "provisioning" | "rotational">> {
    const page = <T>(number: number, parse: (bytes: Uint8Array) => T): Promise<T | undefined> =>
      optional((limit) => ask(parse, inquiry(VPD_BYTES, number), VPD_BYTES, limit));
    const pages = (await page(VPD_SUPPORTED, parseSupportedPages)) ?? [];
    const ifThere = async <T>(number: number, parse: (bytes: Uint8Array) => T): Promise<T | undefined> =>
      pages.includes(number) ? await page(number, parse) : undefined;
    return {
      limits: (await ifThere(VPD_BLOCK_LIMITS, parseBlockLimits)) ?? NO_LIMITS,
      rotational: (await ifThere(VPD_CHARACTERISTICS, parseRotational)) ?? false,
      provisioning: (await ifThere(VPD_PROVISIONING, parseProvisioning)) ?? NO_PROVISIONING,
    };
  }

  const small = await ask(parseCapacity10, readCapacity10(), CAPACITY_10_BYTES, wait);
  const before = small && known(small.sectors, small.sectorBytes);
  if (before !== undefined) return { ...before, sectors: small!.sectors, sectorBytes: small!.sectorBytes };
  const capacity = await readCapacity(small);
  const mode = await readMode();
  // Old bridges do not survive vital product data (Linux: skip_vpd_pages); one that manages provisioning is not old.
  const more = capacity.provisioned
    ? await readVitalData()
    : { limits: NO_LIMITS, provisioning: NO_PROVISIONING, rotational: false };
  return {
    ...capacity,
    ...more,
    readOnly: mode.writeProtected,
    fua: mode.fua,
    writeCache: mode.writeCache,
  };
}

/** Not about the question: the medium or the device itself is gone. */
const passesOn: ReadonlySet<string> = new Set(["disconnected", "no-medium", "medium-changed"]);

/** As `ctx.state` gives them back; undefined for anything else. */
export function particularsIn(value: unknown): Particulars | undefined {
  const { limits, provisioning, writeCache, ...flags } = recordIn(value);
  const [numbers, truths] = [recordIn(limits), recordIn(provisioning)];
  const fits =
    Object.keys(NO_LIMITS).every((name) => typeof numbers[name] === "number") &&
    Object.keys(NO_PROVISIONING).every((name) => typeof truths[name] === "boolean") &&
    ["readOnly", "fua", "rotational", "provisioned"].every((name) => typeof flags[name] === "boolean") &&
    (writeCache === undefined || typeof writeCache === "boolean");
  return fits ? (value as Particulars) : undefined;
}

function recordIn(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
