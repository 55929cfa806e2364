// Runs in: a process of its own, a sim. Owns: the process: options, stdin, stdout, signals.
import { fstatSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Place, UsageError } from "./options.ts";
import { type Exported, serve } from "./server.ts";

export interface Program<Options extends Place, Device extends Exported> {
  readonly name: string;
  readonly usage: string;
  /** Lines below the usage for who asks. */
  readonly help?: string;
  /** Throws UsageError; `undefined`: help was asked for. */
  parse(argv: readonly string[]): Options | undefined;
  build(options: Options): Device;
  /** A command of stdin, one line; what is printed about it. */
  obey(device: Device, line: string): Promise<object>;
  /** An orderly end. */
  shutdown(device: Device): Promise<void>;
}

export function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

export async function runSim<Options extends Place, Device extends Exported>(
  program: Program<Options, Device>,
): Promise<void> {
  const complain = (text: string) => process.stderr.write(`${program.name}: ${text}\n`);
  try {
    await start(program, complain);
  } catch (error) {
    const wrongUsage = error instanceof UsageError;
    complain(wrongUsage ? `${error.message}\n${program.usage}` : (error as Error).message);
    process.exit(wrongUsage ? 2 : 1);
  }
}

async function start<Options extends Place, Device extends Exported>(
  program: Program<Options, Device>,
  complain: (text: string) => void,
): Promise<void> {
  const options = program.parse(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(`${program.usage}\n${program.help ?? ""}`);
    process.exit(0);
  }
  const { listen, port } = options;
  const device = program.build(options);
  const server = await serve(listen, device, complain);

  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    server.close(); // removes the socket's path
    await program.shutdown(device);
    process.exit(0);
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  process.once("exit", () => rmSync(listen, { force: true }));

  let answered: Promise<void> = Promise.resolve();
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    if (line.trim() === "") return;
    answered = answered.then(async () => print(await program.obey(device, line)));
  });
  // A pipe ends with the process that held its other end; /dev/null and terminals say nothing about anybody's life.
  const stdin = fstatSync(0);
  if (stdin.isFIFO() || stdin.isSocket()) lines.once("close", () => void answered.then(stop));

  print({ ready: true, socket: listen, busid: port });
}
