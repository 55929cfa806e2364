// Runs in: `ring3 bench tradeoff --lab`; its table is what the lab's test fills. Owns: the lab's run, and the folder that its figures come in.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LabFailed, type Rows, type Table } from "./benchmark.ts";
import { needs } from "./nbd.ts";

/** What the test keeps its figures as. */
export const NAME = "tradeoff";

/** Of the kernel, between a disk and its wire. */
export const modules = ["usb_storage", "scsi_mod", "sd_mod", "ublk_drv", "usbcore", "xhci_hcd"] as const;
/** Of each how many calls of its functions. */
export type Modules = Readonly<Record<(typeof modules)[number], number>>;

/** Of one request, on average. */
export type Row = {
  readonly request: string;
  /** The kernel, or a placement. */
  readonly by: string;
  /** System calls: the client's, and those of all threads of the processes. An inline driver's reflector counts as driver. */
  readonly client: number;
  readonly reflector: number;
  readonly driver: number;
  /** Context switches away from a thread of theirs, or of the kernel's own. */
  readonly switches: number;
  readonly urbs: number;
  /** Calls of functions of the kernel, whoever caused them. */
  readonly functions: number;
  /** What a death of the driver takes along. */
  readonly death: string;
} & Modules;

const labPath = (path: string) => join(import.meta.dirname, "../lab", path);

async function measured(): Promise<Rows> {
  needs("qemu-system-x86_64", "qemu-system-x86");
  needs("busybox", "busybox-static");
  const folder = mkdtempSync(join(tmpdir(), "ring3-lab-"));
  try {
    const program = ["--disable-warning=ExperimentalWarning", labPath("main.ts"), "--keep", folder];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [...program, labPath("counts/tradeoff.test.ts")],
      {
        encoding: "utf8",
        maxBuffer: 1 << 26,
      },
    );
    if (status !== 0) throw new LabFailed(`the lab (lab/README.md) has no figures:\n${stdout}${stderr}`);
    return JSON.parse(readFileSync(join(folder, NAME), "utf8")) as Rows;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export default {
  what: "one USB disk and one client on a kernel in QEMU, its own usb-storage and ring3's in each placement",
  columns: {
    request: "request",
    by: "by",
    reflector: "reflector",
    driver: "driver",
    switches: "switches",
    urbs: "URBs",
    functions: "functions",
    death: "its death",
  },
  note: "of one request; counts only, nothing about speed: the processor is emulated",
  measured,
} satisfies Table;
