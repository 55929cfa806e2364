// Runs in: lab, outside the guest. Owns: the cache folder (build/lab, or $RING3_CACHE), kept between runs.
// Fetches Debian's kernel, unpacks it without installing it, and packs the initramfs.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join, resolve } from "node:path";
import { cpio, DIRECTORY, FILE, PROGRAM } from "./cpio.ts";
import { inLoadOrder } from "./modules.ts";
import { stripSources } from "./strip.ts";

/** Has ublk, which Debian 12's default kernel lacks; a meta package whose dependency is the kernel itself. */
const KERNEL = "linux-image-6.12-amd64";

/** What it takes to reach the root file system; virtio_pci and virtio_console are built in. */
const BOOT_MODULES = ["9pnet_virtio", "9p", "overlay"];

export interface Prepared {
  cache: string;
  kernel: string;
  initramfs: string;
  modules: string; // becomes /lib/modules in the guest
  stripped: string; // the checkout's TypeScript without types
}

/** The message says what is missing. */
export class Unprepared extends Error {}

function run(command: string, args: readonly string[], cwd: string): Buffer {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const result = spawnSync(command, args, { cwd, env, maxBuffer: 1 << 28 });
  if (result.error) throw new Unprepared(`${command}: ${result.error.message}`);
  if (result.status !== 0)
    throw new Unprepared(`${command} ${args.join(" ")} failed:\n${result.stderr}${result.stdout}`);
  return result.stdout;
}

/** The package that the meta package depends on, e.g. linux-image-6.12.117+deb12-amd64. */
function kernelPackage(cwd: string): string {
  const depends = run("apt-cache", ["depends", KERNEL], cwd).toString();
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (!name) throw new Unprepared(`${KERNEL} depends on no kernel package:\n${depends}`);
  return name;
}

/** Package lists may be absent (a fresh system) or too old for the download; root can bring them up to date. */
function download(cwd: string): void {
  const attempt = () =>
    run("apt-get", ["download", "-q", "-o", "APT::Sandbox::User=root", kernelPackage(cwd)], cwd);
  try {
    attempt();
  } catch (error) {
    if (process.getuid!() !== 0)
      throw new Unprepared(`${(error as Error).message}\nTry: sudo apt-get update`);
    run("apt-get", ["update", "-q"], cwd);
    attempt();
  }
}

function fetchKernel(cache: string): string {
  const target = join(cache, "linux");
  if (existsSync(target)) return target;
  console.log(`lab: fetching Debian's kernel (${KERNEL}, about 107 MB)`);
  const work = mkdtempSync(join(cache, "fetch-"));
  download(work);
  run(
    "dpkg",
    ["-x", join(work, readdirSync(work).find((name) => name.endsWith(".deb"))!), join(work, "linux")],
    work,
  );
  const version = readdirSync(join(work, "linux/lib/modules"))[0]!;
  run("depmod", ["-b", join(work, "linux"), version], work);
  renameSync(join(work, "linux"), target);
  rmSync(work, { recursive: true });
  return target;
}

function packInitramfs(linux: string): Buffer {
  const version = readdirSync(join(linux, "lib/modules"))[0]!;
  const folder = join(linux, "lib/modules", version);
  const files = inLoadOrder(readFileSync(join(folder, "modules.dep"), "utf8"), BOOT_MODULES);
  const modules = files.map((file, index) => ({
    name: `modules/${String(index).padStart(2, "0")}-${basename(file, ".xz")}`, // init loads them in the order of their names
    mode: FILE,
    data: file.endsWith(".xz")
      ? run("busybox", ["unxz", "-c", join(folder, file)], folder)
      : readFileSync(join(folder, file)),
  }));
  const busybox = run("sh", ["-c", "command -v busybox"], folder).toString().trim();
  return cpio([
    ...["bin", "modules", "proc", "dev", "lower", "memory", "root"].map((name) => ({
      name,
      mode: DIRECTORY,
    })),
    { name: "bin/busybox", mode: PROGRAM, data: readFileSync(busybox) },
    { name: "init", mode: PROGRAM, data: readFileSync(join(import.meta.dirname, "guest/init")) },
    ...modules,
  ]);
}

export function prepare(): Prepared {
  if (process.arch !== "x64")
    throw new Unprepared(
      "the guest shares this machine's programs and its kernel is amd64; an x86_64 machine is needed",
    );
  const cache = resolve(process.env.RING3_CACHE || resolve(import.meta.dirname, "../build/lab"));
  mkdirSync(cache, { recursive: true });
  const linux = fetchKernel(cache);
  const initramfs = join(cache, "initramfs");
  const fresh = join(cache, `initramfs.${process.pid}`);
  writeFileSync(fresh, packInitramfs(linux));
  renameSync(fresh, initramfs);
  return {
    cache,
    kernel: globSync("boot/vmlinuz-*", { cwd: linux }).map((name) => join(linux, name))[0]!,
    initramfs,
    modules: join(linux, "lib/modules"),
    stripped: stripSources(resolve(import.meta.dirname, ".."), cache),
  };
}
