// Runs in: lab guest, in tests. Owns: ring3 as root on this kernel's buses, with time-outs that fit the guest.
import { DriversLife } from "../../packages/cli/drivers-life.fixture.ts";
import { RunningRing3 } from "../../packages/cli/running-ring3.fixture.ts";
import { scaled } from "../timing.ts";
import { within } from "./patience.ts";

/** Two of the guest's minutes: its drivers may take theirs to end. */
const LIFE_MS = 6000;

export interface GuestRing3 extends AsyncDisposable {
  readonly ring3: RunningRing3;
  readonly life: DriversLife;
}

/** `under`: a command that starts the command behind it. `block`: how disks are met. `more`: lines of ring3.yaml. */
export async function startRing3({
  graceMs = 3000,
  timeScale = scaled(1),
  spares = 1,
  take = [] as string[],
  under = [] as string[],
  block = "nbd" as "nbd" | "nbd-device" | "ublk" | "auto",
  placement = "isolated",
  stateDirectory = undefined as string | undefined,
  more = "",
} = {}): Promise<GuestRing3> {
  const rules = take.map((serial) => `{ serial: ${serial} }`);
  const starting = RunningRing3.start({
    under,
    ...(stateDirectory === undefined ? {} : { stateDirectory }),
    config: `spares: ${spares}\nlimits: { time_scale: ${timeScale}, replug_grace: ${graceMs}ms }\ntake: [${rules.join(", ")}]\nendpoints: { block: ${block} }\nplacement: { usb-storage: "${placement}" }\n${more}`,
  });
  const ring3 = await within(starting, () => "ring3's readiness", LIFE_MS);
  const life = await DriversLife.of(ring3);
  return {
    ring3,
    life,
    async [Symbol.asyncDispose]() {
      life.close();
      await within(ring3.stop(), () => `ring3's end; it has said: ${ring3.stderr}`, LIFE_MS);
    },
  };
}

/** What `ring3 VERB …` must do; its exit code is 0. */
export async function succeeds(ring3: RunningRing3, verb: string, ...args: string[]): Promise<string> {
  const { code, signal, out, err } = await ring3.cli(verb, ...args);
  if (code !== 0) throw new Error(`ring3 ${verb} ${args.join(" ")} (${signal ?? code}): ${out}${err}`);
  return out;
}

/** What `ring3 VERB …` must refuse: its words. */
export async function refuses(ring3: RunningRing3, verb: string, ...args: string[]): Promise<string> {
  const { code, signal, out, err } = await ring3.cli(verb, ...args);
  if (code !== 1) throw new Error(`ring3 ${verb} ${args.join(" ")} (${signal ?? code}): ${out}${err}`);
  return err;
}

/** What fails in `use` is told with the device's log and ring3's own words: from outside the guest they cannot be asked for afterwards. */
export async function loggedOf<T>(ring3: RunningRing3, device: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    const log = await ring3.log(device).catch(({ message }: Error) => `its log: ${message}`);
    throw new Error(`${(error as Error).stack}\n${device}:\n${log}\nring3 has said:\n${ring3.stderr}`);
  }
}
