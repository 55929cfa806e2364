// Runs in: driver host, jailed. Owns: finding the LUNs of one mass-storage interface.
import { type Block, type Context, DeviceError, type EventData, type UsbDevice } from "@ring3/sdk";
import { getMaxLun, LUN_MAX } from "./bot.ts";
import { Disk } from "./disk.ts";
import { Kept, keepDevice, keptDevice, type Loss } from "./kept.ts";
import { Lun } from "./lun.ts";
import { quirksOf } from "./quirks.ts";
import { BulkOnly } from "./transport.ts";

const DIRECT_ACCESS = 0x00; // SPC-4 table 139
/** Linux gives it a second as well (usb_stor_Bulk_max_lun). */
const MAX_LUN_MS = 1_000;
const POLL_MS = 2_000;

/** The LUNs that are disks, one unit each, in the order of their numbers. */
export async function openDisks(usb: UsbDevice, ctx: Context<Block>): Promise<Disk[]> {
  using wait = ctx.limit(Number.POSITIVE_INFINITY);
  const { commandBytes, ignoreResidue } = quirksOf(usb);
  const kept = keptDevice(ctx.state);
  const bot = new BulkOnly(usb, ctx);
  bot.ignoreResidue = ignoreResidue || (kept?.ignoreResidue ?? false);
  const restarted = ctx.incarnation > 1;
  // The driver before may have died in the middle of a command.
  if (restarted) await bot.recover(wait);

  const luns: Lun[] = [];
  const unusable = new Map<Lun, DeviceError>();
  const last = kept?.last ?? (await maxLun(usb, ctx));
  for (let number = 0; number <= (last ?? 0); number++) {
    const unit = luns.length;
    const events = {
      mediumChanged: (now: EventData<Block, "mediumChanged">) => ctx.emit("mediumChanged", now, unit),
      lost: (event: Loss) => ctx.emit(event, {}, unit),
    };
    const lun = new Lun(number, {
      bot,
      host: ctx,
      events,
      kept: new Kept(number, ctx),
      commandBytes,
      restarted,
    });
    const about = await lun.inquire(wait);
    keepDevice(ctx.state, { last: last ?? null, ignoreResidue: bot.ignoreResidue }); // before the answer itself is kept
    if (about === undefined) continue;
    if (!about.connected || about.type !== DIRECT_ACCESS) {
      ctx.log.info(`LUN ${number}: device type ${about.type}, not a disk`);
      continue;
    }
    luns.push(lun);
    try {
      await lun.probe(wait);
      ctx.log.info(`LUN ${number}: ${about.vendor} ${about.product}, ${lun.geometry.sectors} sectors`);
    } catch (error) {
      wait.signal.throwIfAborted();
      if (!(error instanceof DeviceError) || error.kind === "disconnected") throw error;
      unusable.set(lun, error);
    }
  }
  const [failure] = unusable.values();
  if (unusable.size === luns.length) throw failure ?? new DeviceError("unsupported", "no LUN is a disk");
  for (const [lun, error] of unusable) lun.beginWithout(error);

  ctx.every(POLL_MS, async () => {
    using limit = ctx.limit(Number.POSITIVE_INFINITY);
    for (const lun of luns) await lun.poll(POLL_MS, limit);
  });
  return luns.map((lun) => new Disk(lun));
}

/** undefined: it has not said, and may another time. Until then it has one. */
async function maxLun(usb: UsbDevice, ctx: Context<Block>): Promise<number | undefined> {
  const answer = new Uint8Array(1);
  using limit = ctx.limit(MAX_LUN_MS);
  const outcome = await usb.raw.controlIn(getMaxLun(usb.matched.interfaceNumber), answer, limit);
  if (outcome.status === "gone") throw new DeviceError("disconnected", "get max LUN");
  if (outcome.status === "stall") return 0; // devices with one LUN may (BOT §3.2)
  return outcome.status === "ok" && outcome.bytes === 1 && answer[0]! <= LUN_MAX ? answer[0]! : undefined;
}
