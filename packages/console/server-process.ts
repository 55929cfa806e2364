// Runs in: console. Owns: one process of its server, from its start to its end.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Handlers, ServingPeer, TellListeners } from "@ring3/control/peer";
import type { Clock, Timer } from "@ring3/core/clock";
import { printable } from "@ring3/core/log";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import type { consoleEdge } from "./edge.ts";
import { consoleStreams } from "./streams.ts";

type Edge = typeof consoleEdge;

/** For one that was asked to end; it has nothing to bring in order. */
const END_MS = 2000;

export interface ServerProcess {
  readonly link: ServingPeer<Edge>;
  /** Resolves with how it has ended. */
  readonly ended: Promise<string>;
}

/** What a server is started with. */
export interface ServerStart {
  /** 0: any that is free. */
  readonly port: number;
  readonly handlers: Handlers<Edge, Descriptor, ServingPeer<Edge>>;
  readonly tells: TellListeners<Edge, ServingPeer<Edge>>;
  /** Ends it, or its start. */
  readonly signal: AbortSignal;
}

export interface ServerProgram {
  /** The server's code. */
  readonly program: string;
  readonly directory: string;
  readonly control: boolean;
  /** What it has said on its standard error, a line each, made printable. */
  readonly said: (line: string) => void;
  readonly clock: Clock;
}

/** Rejects where there is no manager that lets it in. */
export async function startServer(
  { program, directory, control, said, clock }: ServerProgram,
  { port, handlers, tells, signal }: ServerStart,
): Promise<ServerProcess> {
  const streams = await consoleStreams(directory, control, handlers, tells, signal);
  const env = { PATH: process.env.PATH, LANG: "C.UTF-8" };
  const epoch = randomBytes(6).toString("hex");
  const child = spawn(process.execPath, ["--disable-sigusr1", program, String(port), epoch], {
    stdio: ["ignore", "ignore", "pipe", ...streams.theirs],
    env,
    detached: true, // a Ctrl-C is ours to pass on, in order
  });
  streams.release();
  createInterface({ input: child.stderr! }).on("line", (line) => said(printable(line)));
  let late: Timer | undefined;
  const end = () => {
    child.kill("SIGTERM");
    late = clock.after(END_MS, () => child.kill("SIGKILL"));
  };
  signal.addEventListener("abort", end);
  const ended = async () => {
    const [code, killed] = await once(child, "close");
    late?.cancel();
    signal.removeEventListener("abort", end);
    return killed ?? `exit code ${code}`;
  };
  return { link: streams.link, ended: ended() };
}
