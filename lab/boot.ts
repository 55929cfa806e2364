// Runs in: lab, outside the guest. Owns: one QEMU process, its sockets and its disks. Boots a machine, hands it its test files, relays its reports.
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Lines, serveLines } from "./lines.ts";
import { machines } from "./machines.ts";
import type { Prepared } from "./prepare.ts";
import { type Monitor, serveMonitor } from "./qmp.ts";
import { DISK_BYTES, DISKS, MONITOR_PORT, type MonitorRequest, REPORT_PORT, type Report } from "./report.ts";
import { BOOT_LIMIT_MS, FILE_LIMIT_MS, MACHINE_LIMIT_MS } from "./timing.ts";

const root = resolve(import.meta.dirname, "..");

export interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
  trouble?: string; // why the run ended before its tests did
}

/** The emulated kernel broke before it could ask for work: no test and no line of ring3's has run in it. */
export class BrokenBoot extends Error {}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const quoted = (path: string): string => path.replaceAll(",", ",,"); // QEMU's option syntax

function qemuArguments(
  machine: string,
  { kernel, initramfs, modules, stripped }: Prepared,
  scratch: string,
  console: string,
): string[] {
  const chardev = (id: string) => ["-chardev", `socket,id=${id},path=${quoted(join(scratch, id))}`];
  const port = (id: string, name: string) => [
    ...chardev(id),
    "-device",
    `virtserialport,chardev=${id},name=${name}`,
  ];
  const share = "local,path=/,mount_tag=hostroot,security_model=none,readonly=on,multidevs=remap";
  const variables = `RING3_ROOT=${base64(root)} RING3_MODULES=${base64(modules)} RING3_STRIPPED=${base64(stripped)}`;
  return [
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"],
    ...["-m", "2048"],
    ...["-kernel", kernel, "-initrd", initramfs],
    ...["-append", `console=ttyS0 panic=-1 quiet mitigations=off ${variables}`], // init gets NAME=VALUE words as its environment
    ...["-chardev", `file,id=console,path=${quoted(console)}`, "-serial", "chardev:console"],
    ...["-virtfs", share],
    ...machines[machine]!,
    ...disks(scratch),
    ...["-device", "virtio-serial-pci"],
    ...port("report", REPORT_PORT),
    ...port("monitor", MONITOR_PORT),
    ...chardev("qmp"),
    ...["-mon", "chardev=qmp,mode=control"],
  ];
}

/** Empty disks for tests to plug in as whatever device they like: node names disk0, disk1 …; gone with the run. */
function disks(folder: string): string[] {
  return Array.from({ length: DISKS }, (_, index) => {
    const file = join(folder, `disk${index}`);
    closeSync(openSync(file, "w"));
    truncateSync(file, DISK_BYTES);
    const options = {
      driver: "file",
      filename: file,
      "node-name": `disk${index}`,
      discard: "unmap",
      cache: { "no-flush": true },
    };
    return ["-blockdev", JSON.stringify(options)];
  }).flat();
}

/** What a kernel prints when it has broken; a test may pass on a kernel that no longer can be trusted. */
const KERNEL_BROKEN =
  /^.*(?:Oops|kernel BUG|BUG: |Kernel panic|general protection|soft lockup|blocked for more than).*$/m;

/** Throws BrokenBoot where the guest's kernel breaks while it boots. */
export async function bootAndRun(
  machine: string,
  files: string[],
  prepared: Prepared,
  show: (report: Report) => void,
): Promise<Outcome> {
  const logs = join(prepared.cache, "logs");
  mkdirSync(logs, { recursive: true });
  const log = join(logs, `${machine}.console.log`);
  const scratch = mkdtempSync(join(tmpdir(), "ring3-lab-"));
  closeSync(openSync(log, "w"));

  const outcome: Outcome = { passed: 0, failed: 0, skipped: 0 };
  let up = false;
  const finished = Promise.withResolvers<string | undefined>(); // with the trouble, if any
  let watchdog = setTimeout(
    () => finished.resolve(`the guest did not ask for work within ${BOOT_LIMIT_MS / 1000} s`),
    BOOT_LIMIT_MS,
  );

  const monitor: Monitor = await serveMonitor(join(scratch, "qmp"));
  const relay: Lines = await serveLines(join(scratch, "monitor"), async (request: MonitorRequest, reply) => {
    reply(await monitor.execute(request.command, request.arguments));
  });
  const reports: Lines = await serveLines(join(scratch, "report"), (report: Report, reply) => {
    show(report);
    if (report.type === "ready") {
      up = true;
      clearTimeout(watchdog);
      watchdog = setTimeout(
        () => finished.resolve(`the tests were not done within ${MACHINE_LIMIT_MS / 1000} s`),
        MACHINE_LIMIT_MS,
      );
      reply({ files, fileLimitMs: FILE_LIMIT_MS });
    } else if (report.type === "test") outcome[report.status]++;
    else if (report.type === "done") finished.resolve(undefined);
  });

  // setpriv: should this process die by SIGKILL, QEMU dies with it.
  const command = [
    "--pdeathsig",
    "KILL",
    "qemu-system-x86_64",
    ...qemuArguments(machine, prepared, scratch, log),
  ];
  const qemu = spawn("setpriv", command, { stdio: ["ignore", "inherit", "inherit"] });
  const exited = new Promise<void>((resolve) => qemu.once("close", () => resolve()));
  qemu.once("error", (error) => finished.resolve(`QEMU cannot be started: ${error.message}`));
  qemu.once("exit", (code, signal) =>
    finished.resolve(`QEMU ended early (${signal ?? `exit status ${code}`})`),
  );
  const stop = () => finished.resolve("stopped by a signal");
  process.once("SIGINT", stop).once("SIGTERM", stop);

  try {
    const ended = await finished.promise;
    const broken = KERNEL_BROKEN.exec(readFileSync(log, "utf8"))?.[0];
    const troubles = [ended, broken].filter((text) => text !== undefined);
    if (troubles.length === 0) return outcome;
    const trouble = `${troubles.join("; ")}\n${tail(log)}`;
    if (broken !== undefined && !up) throw new BrokenBoot(trouble);
    return { ...outcome, trouble };
  } finally {
    clearTimeout(watchdog);
    process.off("SIGINT", stop).off("SIGTERM", stop);
    if (qemu.pid !== undefined) {
      qemu.kill("SIGKILL");
      await exited;
    }
    for (const lines of [monitor, relay, reports]) lines.close();
    rmSync(scratch, { recursive: true });
  }
}

function tail(log: string): string {
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  return `last lines of the guest's console (all of it: ${log}):\n${lines
    .slice(-40)
    .map((line) => `  | ${line}`)
    .join("\n")}`;
}
