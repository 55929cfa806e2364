// Runs in: a process of its own, the usb-drive sim. Owns: the process: options, stdin, stdout, signals.
import { fstatSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { obey } from "./commands.ts";
import { Drive } from "./drive.ts";
import { type ProcessOptions, parseProcess, UsageError, usage } from "./options.ts";
import { serve } from "./server.ts";

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function complain(text: string): void {
  process.stderr.write(`usb-drive: ${text}\n`);
}

function readOptions(): ProcessOptions {
  try {
    const options = parseProcess(process.argv.slice(2));
    if (options !== undefined) return options;
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    complain(`${error.message}\n${usage}`);
    process.exit(2);
  }
}

async function start(options: ProcessOptions): Promise<void> {
  const drive = new Drive(options.port, options.drive, print);
  for (const fault of options.faults) drive.faults.add(fault);
  const server = await serve(options.listen, drive, complain);

  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    server.close(); // removes the socket's path
    await drive.shutdown();
    process.exit(0);
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  process.once("exit", () => rmSync(options.listen, { force: true }));

  let answered: Promise<void> = Promise.resolve();
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    if (line.trim() === "") return;
    answered = answered.then(async () => print(await obey(drive, line)));
  });
  // A pipe ends with the process that held its other end; /dev/null and terminals say nothing about anybody's life.
  const stdin = fstatSync(0);
  if (stdin.isFIFO() || stdin.isSocket()) lines.once("close", () => void answered.then(stop));

  print({ ready: true, socket: options.listen, busid: options.port });
}

const options = readOptions();
start(options).catch((error: Error) => {
  complain(error.message);
  process.exit(1);
});
