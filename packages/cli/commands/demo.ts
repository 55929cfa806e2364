// Runs in: CLI. Owns: one `ring3 up`, its simulated devices, and the table that shows them.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sentence } from "@ring3/control/sentence";
import type { DeviceStatus, Status } from "@ring3/control/status";
import { printable } from "@ring3/core/log";
import type { Command } from "../command.ts";
import { hintsText } from "../demo-hints.ts";
import { askedToEnd, ended, onLine } from "../lines.ts";
import type { Ring3 } from "../ring3.ts";
import { devicesText } from "../text.ts";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));
const refreshMs = 500;

export default {
  summary: "runs ring3 with a simulated device of every class, and says what to try",
  usage: "[--insecure-no-sandbox]",
  options: {
    "insecure-no-sandbox": { type: "boolean", help: "for machines without bubblewrap" },
  },
  words: [0, 0],
  details: "Uses a temporary state directory unless one is named. Ctrl-C ends everything.",
  async run(ring3, { values }) {
    const named = (values["state-dir"] as string | undefined) ?? process.env.RING3_STATE_DIR;
    const directory = named === undefined ? mkdtempSync(join(tmpdir(), "ring3-demo-")) : ring3.directory;
    const insecure = values["insecure-no-sandbox"] === true ? ["--insecure-no-sandbox"] : [];
    // Always a new disk: one that somebody named is not the demo's to format.
    const images = mkdtempSync(join(tmpdir(), "ring3-demo-disk-"));
    const image = join(images, "demo.img");
    const stop = askedToEnd();
    const children: ChildProcess[] = [];
    const start = async (args: readonly string[]): Promise<string> => {
      const child = startVerb([...args, "--state-dir", directory]);
      children.unshift(child);
      return firstLine(child, args[0]!);
    };
    try {
      await Promise.race([
        stop,
        start(["up", ...insecure]).then(() =>
          start(["sim", "usb-drive", "--image", image, "--create", "64M", "--fat-demo"]),
        ),
      ]);
      const gone = Promise.race(children.map(async (child) => failure(child)));
      gone.catch(() => {});
      const shown = new AbortController();
      await Promise.race([stop, gone, show(ring3, directory, shown.signal)]).finally(() => shown.abort());
      return 0;
    } finally {
      // Devices first, then ring3: none of them sees another vanish.
      for (const child of children) {
        child.kill("SIGTERM");
        await ended(child);
      }
      rmSync(images, { recursive: true, force: true });
      if (named === undefined) rmSync(directory, { recursive: true, force: true });
    }
  },
} satisfies Command;

/** In a process group of its own: a Ctrl-C is ours to pass on, in order. */
function startVerb(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "inherit"], detached: true });
}

async function failure(child: ChildProcess): Promise<never> {
  throw sentence("disconnected", `demo: ring3 ${child.spawnargs[2]} ended (${await ended(child)})`);
}

function firstLine(child: ChildProcess, verb: string): Promise<string> {
  return new Promise((resolve, reject) => {
    onLine(child.stdout!, resolve);
    ended(child).then((how) =>
      reject(sentence("internal", `demo: ring3 ${verb} ended before it was ready (${how})`)),
    );
  });
}

async function show(terminal: Ring3, directory: string, until: AbortSignal): Promise<void> {
  const ring3 = terminal.at(directory);
  const manager = ring3.connect();
  const shown = new Map<string, string>();
  let hinted = false;
  until.addEventListener("abort", () => manager.disconnect());
  while (!until.aborted) {
    const status = await manager.ask("status", {});
    const changed = status.devices.filter((device) => shown.get(device.id) !== changeText(device));
    for (const device of changed) shown.set(device.id, changeText(device));
    if (ring3.out.isTTY === true && !ring3.json) redraw(ring3, status, directory);
    else if (ring3.json && changed.length > 0) ring3.print(JSON.stringify(status));
    else if (!ring3.json) {
      for (const device of changed) ring3.print(changeText(device));
      const served = status.devices.some(
        ({ hostPid, units }) => hostPid !== null && units.some(({ endpoints }) => endpoints.length > 0),
      );
      if (served && !hinted) ring3.print(hintsText(status, directory));
      hinted ||= served;
    }
    await new Promise((resolve) => setTimeout(resolve, refreshMs));
  }
}

function redraw(ring3: Ring3, status: Status, directory: string): void {
  const table = devicesText(status.devices, ring3.width, (colour, text) => ring3.paint(colour, text));
  const screen = `ring3 demo: Ctrl-C ends it.\n\n${table}\n\n${hintsText(status, directory)}\n`;
  // Home, each line cleared to its end, and all below: no flicker (ECMA-48 CUP, EL, ED).
  ring3.out.write(`\x1b[H${screen.replaceAll("\n", "\x1b[K\n")}\x1b[J`);
}

function changeText({ id, state, incarnation, hostPid, reason, units }: DeviceStatus): string {
  const process = hostPid === null ? "" : `, driver process ${hostPid}`;
  const why = reason === "" ? "" : `: ${printable(reason)}`;
  const addresses = units
    .flatMap(({ endpoints }) => endpoints)
    .map(({ kind, address }) => `\n  ${kind} ${printable(address)}`);
  return `${id} ${state}, start #${incarnation}${process}${why}${addresses.join("")}`;
}
