// Runs in: a process of the benchmark `request`. Owns: what Node has for asking another process or thread, which echoes each message.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createConnection } from "node:net";
import { Worker } from "node:worker_threads";

/** What an `id` and a request of 64 bytes look like to those who take values, and the bytes for those who do not. */
const VALUE = { id: 0, request: "x".repeat(40) };
const BYTES = Buffer.alloc(64, "x");

interface Peer {
  /** One at a time. */
  ask(): Promise<void>;
  end(): unknown;
}

/** An answer that is waited for after each `send`. */
function answers(send: () => unknown) {
  let answered = () => {};
  const ask = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    answered = resolve;
    send();
    return promise;
  };
  return { ask, arrived: () => answered() };
}

function started(under: readonly string[], code: string, ...more: "ipc"[]) {
  const [command, ...args] = [...under, process.execPath, "-e", code];
  return spawn(command!, args, { stdio: ["ignore", "pipe", "inherit", ...more] });
}

/** Each by the name of what it is of Node's. `under`: a command that starts the command behind it. */
export const peers = {
  async fork(under) {
    const child = started(under, "process.on('message', (message) => process.send(message))", "ipc");
    const { ask, arrived } = answers(() => child.send(VALUE));
    child.on("message", arrived);
    return { ask, end: () => child.kill() };
  },
  async net(under) {
    const path = `\0ring3-bench-${process.pid}`; // of no file system, unix(7)
    const echo =
      "(socket) => socket.on('data', (bytes) => socket.write(bytes)).on('end', () => process.exit())";
    const listen = `.listen(${JSON.stringify(path)}, () => console.log('ready'))`;
    await once(started(under, `require('net').createServer(${echo})${listen}`).stdout!, "data");
    const socket = createConnection(path);
    const { ask, arrived } = answers(() => socket.write(BYTES));
    socket.on("data", arrived);
    return { ask, end: () => socket.end() };
  },
  /** Its thread has this process's processors. */
  async worker_threads() {
    const echo =
      "const { parentPort } = require('worker_threads'); parentPort.on('message', (message) => parentPort.postMessage(message))";
    const worker = new Worker(echo, { eval: true });
    const { ask, arrived } = answers(() => worker.postMessage(VALUE));
    worker.on("message", arrived);
    return { ask, end: () => worker.terminate() };
  },
} satisfies Record<string, (under: readonly string[]) => Promise<Peer>>;

export type PeerName = keyof typeof peers;
