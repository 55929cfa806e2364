// Runs in: tests. Owns: what `ring3 console` runs, and what is asked of its server as any program could, not only a browser.
import assert from "node:assert/strict";
import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type Agent, type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A descriptor that whoever starts a console has left open; of the first sixteen libuv takes care (uv_disable_stdio_inheritance). */
const LEFT_OPEN = { fd: 60, path: "/dev/zero" };

const program = fileURLToPath(new URL("../../build/console.cjs", import.meta.url));

export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** A stream of events that somebody reads. */
export interface Listening {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** When each was heard, by its event. */
  readonly heard: { readonly event: string; readonly at: number }[];
  close(): void;
}

export class RunningConsole implements AsyncDisposable {
  /** With the token. */
  readonly url: string;
  readonly port: number;
  readonly #child: ChildProcess;
  /** As once a browser has been let in. */
  #cookie = "";

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
    this.port = Number(new URL(url).port);
  }

  static async start(directory: string, ...words: string[]): Promise<RunningConsole> {
    const left = openSync(LEFT_OPEN.path, "r");
    const stdio: StdioOptions = ["ignore", "pipe", "inherit"];
    const child = spawn(process.execPath, [program, directory, "0", ...words], {
      stdio: [...stdio, ...Array<"ignore">(LEFT_OPEN.fd - stdio.length).fill("ignore"), left],
    });
    closeSync(left);
    const [url] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
    return new RunningConsole(child, url);
  }

  /** Shows the token. */
  async enter(): Promise<void> {
    const { headers } = await this.get(`/${new URL(this.url).search}`, { Cookie: "" });
    this.#cookie = headers["set-cookie"]![0]!.split(";")[0]!;
  }

  /** What a process of it has open that somebody left open for who started it. */
  strangersIn(pid: number): string[] {
    return readdirSync(`/proc/${pid}/fd`).filter(
      (fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === LEFT_OPEN.path,
    );
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** The process that browsers talk to. */
  get server(): number {
    return Number(readFileSync(`/proc/${this.#child.pid}/task/${this.#child.pid}/children`, "utf8").trim());
  }

  /** Open descriptors, and memory in MiB, of the server. */
  get held(): { descriptors: number; mib: number } {
    const { server } = this;
    const rss = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server}/status`, "utf8"))![1]!;
    return { descriptors: readdirSync(`/proc/${server}/fd`).length, mib: Number(rss) / 1024 };
  }

  /** `headers`: "" for one that is not to be there. */
  get(path: string, headers: Record<string, string> = {}, agent?: Agent): Promise<Answered> {
    return this.ask("GET", path, headers, undefined, agent);
  }

  async ask(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: string | Uint8Array,
    agent?: Agent,
  ): Promise<Answered> {
    const asked = this.#ask(method, path, headers, agent);
    asked.end(body);
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of response.setEncoding("utf8")) text += chunk;
    return { status: response.statusCode!, headers: response.headers, text };
  }

  #ask(method: string, path: string, headers: Record<string, string>, agent: Agent | false = false) {
    const options = { host: "127.0.0.1", port: this.port, method, path, agent, setHost: false };
    const own = { Host: `127.0.0.1:${this.port}`, Cookie: this.#cookie };
    const all = Object.entries({ ...own, ...headers }).filter(([, value]) => value !== "");
    return request({ ...options, headers: Object.fromEntries(all) });
  }

  async listen(path = "/api/events"): Promise<Listening> {
    const asked = this.#ask("GET", path, {});
    asked.end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    const heard: { event: string; at: number }[] = [];
    const answer = response.setEncoding("utf8");
    answer.on("error", () => {}); // closed here
    let rest = ""; // of a line whose end is still to come
    answer.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines)
        if (line.startsWith("event: "))
          heard.push({ event: line.slice("event: ".length), at: performance.now() });
    });
    const retryAfter = response.headers["retry-after"];
    return { status: response.statusCode!, retryAfter, heard, close: () => asked.destroy() };
  }

  /** A connection that says just that, and reads nothing; `answer`: what has come when it is closed. */
  async raw(text: string, reads = false): Promise<{ socket: Socket; answer: Promise<string> }> {
    const socket = connect(this.port, "127.0.0.1");
    socket.on("error", () => {}); // it may be closed at any time
    await once(socket, "connect");
    let answer = "";
    if (reads) socket.setEncoding("latin1").on("data", (chunk: string) => (answer += chunk));
    const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(answer)));
    socket.write(text);
    return { socket, answer: closed };
  }

  /** A whole request as text, with who is let in. */
  request(line: string, ...headers: string[]): string {
    return [line, `Host: 127.0.0.1:${this.port}`, `Cookie: ${this.#cookie}`, ...headers, "", ""].join("\r\n");
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    assert.deepEqual(await once(this.#child, "exit"), [0, null]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
