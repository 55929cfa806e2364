// Runs in: driver host, jailed. Owns: a PenPartner's HID interface, and the mode that the tablet is in.
import {
  type Context,
  DeviceError,
  decline,
  defineDriver,
  type HidDevice,
  type InputClass,
  input,
  openHid,
  tolerate,
} from "@ring3/sdk";
import { Tablet } from "./tablet.ts";

// drivers/hid/wacom_sys.c, _wacom_query_tablet_data
const MODE = 2;
const WACOM = Uint8Array.of(2);

const running = new WeakMap<Context<InputClass>, HidDevice>();

export default defineDriver(input, {
  async probe({ usb }, ctx) {
    const hid = ctx.scope.use(await openHid(usb, ctx));
    if (!(await switchMode(hid, ctx))) return decline("it does not go into Wacom's own mode");
    const tablet = new Tablet(ctx, hid);
    hid.oninputreport = ({ reportId, bytes }) => tablet.take(reportId, bytes);
    running.set(ctx, hid);
    return { name: tablet.name, properties: tablet.properties };
  },
  suspend: (ctx) => running.get(ctx)!.close(),
  async resume(ctx) {
    const hid = running.get(ctx)!;
    await hid.open();
    if (!(await switchMode(hid, ctx)))
      throw new DeviceError(
        "protocol",
        `${ctx.device.id}: it does not go back into Wacom's own mode; plug it in again`,
      );
  },
});

/** Out of the mode of a mouse, in which it has neither positions nor pressure. */
async function switchMode(hid: HidDevice, { log }: Context<InputClass>): Promise<boolean> {
  if (!(await tolerate(log, hid.sendFeatureReport(MODE, WACOM)))) return false;
  // Linux reads it back (wacom_set_device_mode), and only then QEMU's asks for what its user does (hw/usb/dev-wacom.c, usb_wacom_poll).
  await tolerate(log, hid.receiveFeatureReport(MODE));
  return true;
}
