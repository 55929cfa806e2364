// Runs in: manager. Owns: the decision how disks are met, and the doors to the kernel's.
import { constants, existsSync, readdirSync } from "node:fs";
import type { Config } from "@ring3/control/config";
import { withoutKindText } from "@ring3/control/wire";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import { checkNbd, connectNbd, disconnectNbd, reconnectNbd, resizeNbd } from "@ring3/kernel/nbd/device";
import { nbdDevices, tuneNbd } from "@ring3/kernel/nbd/sysfs";
import { openDeviceNode } from "@ring3/kernel/open/open";
import { processState } from "@ring3/kernel/process/pidfd";
import { UblkControl } from "@ring3/kernel/ublk/control";
import { KernelDisks, markOfText } from "./kernel-disks.ts";
import type { Heirloom, Legacy } from "./legacy.ts";
import { madeBy, NbdDisks } from "./nbd-disks.ts";
import { UblkDisks } from "./ublk-disks.ts";

const CONTROL = "/dev/ublk-control";
const DISKS = "/sys/class/ublk-char";

type Choice = Config["endpoints"]["block"];
type DiskKind = Exclude<Choice, "auto" | "nbd">;

export interface ChosenDisks {
  readonly kind: DiskKind;
  readonly disks: KernelDisks;
  /** What an earlier manager has left of them with the keeper. */
  inherit(left: readonly Heirloom<"disk">[]): void;
}

export interface ChoiceParts {
  readonly stateDirectory: string;
  readonly legacy: Legacy;
  readonly clock: Clock;
  readonly log: Log;
}

interface Opened extends ChosenDisks {
  close(): void;
}

interface Door {
  /** There may be some that a ring3 has left. */
  left(mark: number): boolean;
  /** Rejects with DeviceError "unsupported", and says what to do. */
  open(mark: number, parts: ChoiceParts): Promise<Opened>;
}

const numbers = () => readdirSync(DISKS).map((name) => Number(name.slice("ublkc".length)));
const lives = (pid: number) => !["dead", "zombie"].includes(processState(pid));

function unsupported(what: string, error: unknown): never {
  if (!(error instanceof DeviceError)) throw error;
  const cause =
    error.kind === "denied"
      ? "ring3's manager lacks CAP_SYS_ADMIN: run ring3 as root"
      : withoutKindText(error);
  throw new DeviceError("unsupported", `${what}: ${cause}`, { cause: error });
}

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
    unsupported("ublk disks", error);
  }
}

const ublk: Door = {
  left: () => existsSync(DISKS) && numbers().length > 0,
  async open(mark, { clock, log }) {
    const control = await openUblk();
    const open = (number: number) => openDeviceNode(`/dev/ublkc${number}`, constants.O_RDWR);
    const disks = new KernelDisks(new UblkDisks({ control, numbers, open, lives, mark, clock }), log);
    return { kind: "ublk", disks, inherit() {}, close: () => control.close() };
  },
};

const nbdDevice: Door = {
  left: (mark) => nbdDevices().some((device) => madeBy(mark, device)),
  async open(mark, { legacy, clock, log }) {
    try {
      checkNbd();
    } catch (error) {
      unsupported("nbd disks", error);
    }
    const kernel = {
      devices: nbdDevices,
      connect: connectNbd,
      reconnect: reconnectNbd,
      resize: resizeNbd,
      disconnect: disconnectNbd,
      tune: tuneNbd,
    };
    const driver = new NbdDisks({ kernel, legacy, lives, mark, clock });
    const disks = new KernelDisks(driver, log);
    return { kind: "nbd-device", disks, inherit: (left) => driver.inherit(left), close() {} };
  },
};

const doors: Readonly<Record<DiskKind, Door>> = { ublk, "nbd-device": nbdDevice };

/** undefined where disks are met by NBD sockets. Rejects where the configuration asks for what cannot be had. */
export async function chooseDisks(choice: Choice, parts: ChoiceParts): Promise<ChosenDisks | undefined> {
  const mark = markOfText(parts.stateDirectory);
  const wanted = choice === "nbd" ? undefined : choice === "auto" ? "ublk" : choice;
  for (const [kind, door] of Object.entries(doors))
    if (kind !== wanted && door.left(mark)) await endLeft(door, mark, parts);
  if (wanted === undefined) return undefined;
  try {
    return await doors[wanted].open(mark, parts);
  } catch (error) {
    if (!(error instanceof DeviceError) || error.kind !== "unsupported") throw error;
    const text = withoutKindText(error);
    if (choice !== "auto")
      throw new DeviceError(
        "unsupported",
        `ring3.yaml has "endpoints: {block: ${choice}}"; ${text}; or have it "auto"`,
        { cause: error },
      );
    parts.log.info(`disks are met by NBD alone: ${text}`);
    return undefined;
  }
}

/** An earlier ring3 may have met them otherwise. */
async function endLeft(door: Door, mark: number, parts: ChoiceParts): Promise<void> {
  try {
    const { disks, close } = await door.open(mark, parts);
    await disks.endAll();
    close();
  } catch (error) {
    if (!(error instanceof DeviceError) || error.kind !== "unsupported") throw error; // then none of them is ring3's
  }
}
