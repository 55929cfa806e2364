// Runs in: manager. Owns: the decision how disks are met, and the door to the kernel's.
import { constants, existsSync, readdirSync } from "node:fs";
import type { Config } from "@ring3/control/config";
import { withoutKindText } from "@ring3/control/wire";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import { openDeviceNode } from "@ring3/kernel/open/open";
import { processState } from "@ring3/kernel/process/pidfd";
import { UblkControl } from "@ring3/kernel/ublk/control";
import { KernelDisks } from "./kernel-disks.ts";

const CONTROL = "/dev/ublk-control";
const DISKS = "/sys/class/ublk-char";

const numbers = () => readdirSync(DISKS).map((name) => Number(name.slice("ublkc".length)));

/** Rejects with DeviceError "unsupported", and says what to do. */
async function openUblk(): Promise<UblkControl> {
  if (!existsSync(CONTROL))
    throw new DeviceError(
      "unsupported",
      `ublk disks: there is no ${CONTROL}; as root: modprobe ublk_drv (Linux 6.5 or later)`,
    );
  let control: UblkControl | undefined;
  try {
    control = new UblkControl(openDeviceNode(CONTROL, constants.O_RDWR));
    await control.check();
    return control;
  } catch (error) {
    control?.close();
    if (!(error instanceof DeviceError)) throw error;
    const cause =
      error.kind === "denied" ? "ring3's manager lacks CAP_SYS_ADMIN: run ring3 as root" : error.message;
    throw new DeviceError("unsupported", `ublk disks: ${cause}`, { cause: error });
  }
}

/** undefined where disks are met by NBD. Rejects where the configuration asks for what cannot be had. */
export async function chooseDisks(
  kind: Config["endpoints"]["block"],
  stateDirectory: string,
  clock: Clock,
  log: Log,
): Promise<KernelDisks | undefined> {
  const opened = async () => {
    const control = await openUblk();
    const open = (number: number) => openDeviceNode(`/dev/ublkc${number}`, constants.O_RDWR);
    const lives = (pid: number) => !["dead", "zombie"].includes(processState(pid));
    return { control, disks: new KernelDisks({ control, numbers, open, lives, stateDirectory, clock, log }) };
  };
  try {
    if (kind !== "nbd") return (await opened()).disks;
    if (!existsSync(DISKS) || numbers().length === 0) return undefined;
    const { control, disks } = await opened(); // an earlier ring3 may have met them otherwise
    await disks.endAll();
    control.close();
    return undefined;
  } catch (error) {
    if (!(error instanceof DeviceError) || error.kind !== "unsupported") throw error;
    const text = withoutKindText(error);
    if (kind === "ublk")
      throw new DeviceError(
        "unsupported",
        `ring3.yaml has "endpoints: {block: ublk}"; ${text}; or have it "auto"`,
        { cause: error },
      );
    if (kind === "auto") log.info(`disks are met by NBD alone: ${text}`);
    return undefined;
  }
}
