// Runs in: driver host, jailed. Owns: finding the LUNs of one mass-storage interface.
import { type Block, type Context, DeviceError, type UsbDevice, type Wait } from "@ring3/sdk";
import { getMaxLun, LUN_MAX } from "./bot.ts";
import { inquiry } from "./cdb.ts";
import { Disk } from "./disk.ts";
import { Lun } from "./lun.ts";
import { quirksOf } from "./quirks.ts";
import { INQUIRY_BYTES, type Inquiry, parseInquiry } from "./replies.ts";
import type { Attention } from "./sense.ts";
import { Target } from "./target.ts";
import { BulkOnly } from "./transport.ts";

const DIRECT_ACCESS = 0x00; // SPC-4 table 139
/** Linux gives it a second as well (usb_stor_Bulk_max_lun). */
const MAX_LUN_MS = 1_000;
const POLL_MS = 2_000;

/** The LUNs that are disks, one unit each, in the order of their numbers. */
export async function openDisks(usb: UsbDevice, ctx: Context<Block>): Promise<Disk[]> {
  using wait = ctx.limit(Number.POSITIVE_INFINITY);
  const { commandBytes, ignoreResidue } = quirksOf(usb);
  const bot = new BulkOnly(usb, ctx);
  bot.ignoreResidue = ignoreResidue;
  const restarted = ctx.incarnation > 1;
  // The driver before may have died in the middle of a command.
  if (restarted) await bot.recover(wait);

  const luns: Lun[] = [];
  for (let number = 0, last = await maxLun(usb, ctx); number <= last; number++) {
    const told: Attention[] = [];
    const about = await inquire(number, bot, ctx, wait, told);
    if (about === undefined) continue;
    if (!about.connected || about.type !== DIRECT_ACCESS) {
      ctx.log.info(`LUN ${number}: device type ${about.type}, not a disk`);
      continue;
    }
    const unit = luns.length;
    const events = {
      mediumChanged: (now: { sectors: number; sectorBytes: number; flags: number }) =>
        ctx.emit("mediumChanged", now, unit),
      powerLost: () => ctx.emit("powerLost", {}, unit),
    };
    const lun = new Lun(number, { bot, host: ctx, events, about, commandBytes, restarted });
    await lun.probe(told, wait);
    ctx.log.info(`LUN ${number}: ${about.vendor} ${about.product}, ${lun.geometry.sectors} sectors`);
    luns.push(lun);
  }
  if (luns.length === 0) throw new DeviceError("unsupported", "no LUN is a disk");

  ctx.every(POLL_MS, async () => {
    using limit = ctx.limit(Number.POSITIVE_INFINITY);
    for (const lun of luns) await lun.poll(POLL_MS, limit);
  });
  return luns.map((lun) => new Disk(lun));
}

async function maxLun(usb: UsbDevice, ctx: Context<Block>): Promise<number> {
  const answer = new Uint8Array(1);
  using limit = ctx.limit(MAX_LUN_MS);
  const outcome = await usb.raw.controlIn(getMaxLun(usb.matched.interfaceNumber), answer, limit);
  if (outcome.status === "gone") throw new DeviceError("disconnected", "get max LUN");
  // Devices with one LUN may stall it (BOT §3.2), and some answer nothing or nonsense.
  return outcome.status === "ok" && outcome.bytes === 1 && answer[0]! <= LUN_MAX ? answer[0]! : 0;
}

/** undefined: the device says that there is no such LUN. */
async function inquire(
  number: number,
  bot: BulkOnly,
  ctx: Context<Block>,
  wait: Wait,
  told: Attention[],
): Promise<Inquiry | undefined> {
  // INQUIRY does not report unit attentions (SPC-4 §5.14); what a device tells anyway it tells only once.
  const target = new Target(number, bot, ctx, {
    attention: async (of) => void told.push(of),
    deferredError: () => void told.push("power-on"), // either way acknowledged writes are lost
    noMedium: () => {},
  });
  const data = new Uint8Array(INQUIRY_BYTES);
  using _turn = await bot.turns.take(wait);
  try {
    return parseInquiry(data.subarray(0, await target.run(inquiry(INQUIRY_BYTES), data, wait)));
  } catch (error) {
    if (!(error instanceof DeviceError) || error.kind !== "unsupported" || number === 0) throw error;
    return undefined;
  }
}
