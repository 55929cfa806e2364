// Runs in: driver host, as the hostile driver of `ring3 probe`. Owns: nothing. The ways out that the runtime itself has.
import type { EventEmitter } from "node:events";
import { type Group, type Inside, type Probe, thrown } from "./probe.ts";

const builtin = process.getBuiltinModule;
const fs = builtin("node:fs");
const net = builtin("node:net");
const { spawnSync, fork } = builtin("node:child_process");
const { Worker } = builtin("node:worker_threads");

const PATH = "/tmp/ring3-probe";
const BOMB = 100;

const failing = (name: string, denied: readonly string[], run: (inside: Inside) => unknown): Probe => ({
  name,
  denied,
  run: async (inside) => `done: ${await run(inside)}`,
});

/** The code with which it fails. */
const calls: Readonly<Record<string, (inside: Inside) => unknown>> = {
  "fs.readFileSync": () => fs.readFileSync("/etc/passwd"),
  "fs.writeFileSync": () => fs.writeFileSync(PATH, "x"),
  "fs.readdirSync": () => fs.readdirSync("/"),
  "fs.statSync": () => fs.statSync("/"),
  "fs.mkdtempSync": () => fs.mkdtempSync(PATH),
  "fs.opendirSync": () => fs.opendirSync("/"),
  "fs.promises.readFile": () => fs.promises.readFile("/etc/passwd"),
  "process.binding fs": () => {
    const { binding } = process as unknown as {
      binding(name: string): { open(...args: unknown[]): unknown };
    };
    return binding("fs").open("/etc/passwd", 0, 0o666);
  },
  "process.dlopen a file": () => load(`${PATH}.node`),
  "process.dlopen a library": () => load("libresolv.so.2"),
  "process.execve": () => process.execve!("/ring3/node", ["node", "-e", "0"], {}),
  "process.kill everybody": () => process.kill(-1, "SIGKILL"),
  "process.kill the keeper": ({ targets }) => process.kill(targets.keeper, "SIGKILL"),
  "process.setuid": () => process.setuid!(0),
  "process.setgid": () => process.setgid!(0),
  "process.setgroups": () => process.setgroups!([0]),
  "process.chdir": () => process.chdir("/"),
  "process.cwd": () => process.cwd(),
  "child_process.spawnSync": () => spawned("/ring3/node", ["-e", "0"]),
  "child_process.spawnSync of a shell": () => spawned("/bin/sh", ["-c", "id"]),
  "v8.writeHeapSnapshot": () => builtin("node:v8").writeHeapSnapshot(PATH),
};

/** The loader's errno stands at the end of what it says. */
function load(file: string): void {
  try {
    process.dlopen({ exports: {} }, file);
  } catch (error) {
    const { message } = error as Error;
    throw message.endsWith("Operation not permitted")
      ? Object.assign(new Error(message), { code: "EPERM" })
      : error;
  }
}

function spawned(file: string, args: readonly string[]): string {
  const { error, status } = spawnSync(file, args);
  if (error !== undefined) throw error;
  return `exit code ${status}`;
}

/** What fails later, and the event that says that it did not. */
const emitters: Readonly<
  Record<string, readonly [success: string, start: (inside: Inside) => EventEmitter]>
> = {
  "fs.watch": ["change", () => fs.watch("/")],
  "fs.createReadStream": ["data", () => fs.createReadStream("/etc/passwd")],
  "child_process.fork": ["spawn", () => fork("/ring3/host.cjs")],
  "net.connect to the control socket": ["connect", ({ targets }) => net.connect(targets.socket)],
  "net.connect to the machine": ["connect", () => net.connect(22, "127.0.0.1")],
  "net.createServer": ["listening", () => net.createServer().listen(`${PATH}.sock`)],
  dgram: ["listening", () => builtin("node:dgram").createSocket("udp4").bind(0)],
  http: ["response", () => builtin("node:http").get("http://127.0.0.1:1/")],
};

/** How often each word came, for as many as a bomb has. */
function often(run: () => unknown): string {
  const words = new Set<string>();
  for (let round = 0; round < BOMB; round++)
    try {
      words.add(`done: ${run()}`);
    } catch (error) {
      words.add((error as NodeJS.ErrnoException).code ?? thrown(error));
    }
  return [...words].join();
}

/** What fails in words of its own. */
const others: readonly Probe[] = [
  { name: "a fork bomb", denied: ["EPERM"], run: () => often(() => spawned("/ring3/node", ["-e", "0"])) },
  {
    name: "a thread bomb",
    denied: ["ERR_WORKER_INIT_FAILED"],
    run: () => often(() => new Worker("setInterval(() => {}, 1000)", { eval: true })),
  },
  {
    name: "process.reallyExit as if it were killed",
    denied: ["died: signal: the process was ended by SIGSEGV"],
    run: () => (process as unknown as { reallyExit(code: number): string }).reallyExit(128 + 9),
  },
  // It counts on its thread, and ends the process without.
  failing("inspector.open", ["died: signal"], () => builtin("node:inspector").open(0)),
  failing("os.setPriority", ["ERR_SYSTEM_ERROR"], () => builtin("node:os").setPriority(-20)),
  failing("os.userInfo", ["ERR_SYSTEM_ERROR"], () => builtin("node:os").userInfo()),
  failing("dns.lookup of a name that every machine has", ["EAI_AGAIN"], () =>
    builtin("node:dns/promises").lookup("localhost"),
  ),
  failing("node:sqlite", ["ERR_SQLITE_ERROR"], () =>
    new (builtin("node:sqlite").DatabaseSync)(PATH).exec("create table t(a)"),
  ),
  failing("node:wasi of the root", ["UVWASI_EPERM"], () => {
    const { WASI } = builtin("node:wasi");
    return new WASI({ version: "preview1", preopens: { "/": "/" } });
  }),
  failing("createRequire", ["ERR_INVALID_PACKAGE_CONFIG"], () =>
    builtin("node:module").createRequire("/ring3/x.js")("/ring3/host.cjs"),
  ),
  failing(
    "import of a file",
    ["ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING"],
    () => import(`${"/ring3"}/host.cjs`),
  ),
  failing("import through Function", ["ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING"], () =>
    new Function("return import('node:fs')")(),
  ),
  {
    name: "process.report.writeReport",
    denied: ["unwritten"],
    run: () => process.report.writeReport(PATH) || "unwritten",
  },
  {
    name: "module.enableCompileCache",
    denied: ["FAILED"],
    run() {
      const { constants, enableCompileCache } = builtin("node:module");
      const { status } = enableCompileCache(PATH);
      return status === constants.compileCacheStatus.FAILED ? "FAILED" : `status ${status}`;
    },
  },
];

export const node: Group = {
  name: "node",
  probes: [
    ...Object.entries(calls).map(([name, run]) => failing(name, ["EPERM"], run)),
    ...Object.entries(emitters).map(([name, [success, start]]) =>
      failing(
        name,
        ["EPERM"],
        (inside) => new Promise((resolve, reject) => start(inside).on("error", reject).on(success, resolve)),
      ),
    ),
    ...others,
  ],
};
