// Runs in: tests. Owns: a console, simulated devices played with by hand, and a Chromium that looks.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { onLine } from "./lines.ts";
import { PATIENCE_MS, type RunningRing3 } from "./running-ring3.fixture.ts";

const cli = fileURLToPath(new URL("./main.ts", import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** WCAG 2.x, levels A and AA. */
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

export class Console {
  readonly #child: ChildProcess;
  readonly url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  static async start(ring3: RunningRing3, ...args: string[]): Promise<Console> {
    const child = spawn(process.execPath, [cli, "console", "--state-dir", ring3.directory, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const url = await new Promise<string>((resolve) => onLine(child.stdout!, resolve));
    return new Console(child, url);
  }

  /** The process that browsers talk to. */
  server(): number {
    const { pid } = this.#child;
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    assert.deepEqual(await once(this.#child, "exit"), [0, null]);
  }
}

/** `ring3 sim`, once it is plugged in. */
export class HandsOn {
  readonly #child: ChildProcess;
  readonly #answers: ((line: { ok: boolean }) => void)[] = [];
  /** Its first. */
  device = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(ring3: RunningRing3, ...args: string[]): Promise<HandsOn> {
    const child = spawn(process.execPath, [cli, "sim", ...args, "--state-dir", ring3.directory], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const hands = new HandsOn(child);
    hands.device = await new Promise<string>((resolve) =>
      onLine(child.stdout!, (line) => {
        if (!line.startsWith("{")) return resolve(line.split(" ")[0]!);
        const answer = JSON.parse(line);
        if (answer.ok !== undefined) hands.#answers.shift()!(answer);
      }),
    );
    return hands;
  }

  /** Resolves when it is done. */
  async does(step: string): Promise<void> {
    const answer = new Promise<{ ok: boolean }>((resolve) => this.#answers.push(resolve));
    this.#child.stdin!.write(`${step}\n`);
    assert.equal((await answer).ok, true, step);
  }

  stop(): void {
    this.#child.kill("SIGTERM");
  }
}

/** Its own sandbox needs a user that is not root; it sees nothing but our pages. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });

/** `complaints`: what the browser has to say against the page. */
export async function lookAt(
  browser: Browser,
  url: string,
  complaints: string[],
  options: BrowserContextOptions = {},
): Promise<[BrowserContext, Page]> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", ({ message }) => complaints.push(message));
  await page.goto(url);
  return [context, page];
}

/** Without what let a browser in once. */
export const addressOf = (url: string): string => url.replace(/\?.*$/, "");
export const hashOf = (device: string): string => `#/${encodeURIComponent(device)}`;
export const go = async (page: Page, hash: string): Promise<void> => {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
};

/** `expression`: not by playwright's own waitForFunction, which evaluates it in the page, whose policy refuses that. */
export async function until(page: Page, expression: string): Promise<void> {
  const ends = performance.now() + PATIENCE_MS / 2;
  while (!(await page.evaluate<boolean>(expression))) {
    assert.ok(performance.now() < ends, `never so: ${expression}`);
    await page.waitForTimeout(20);
  }
}

/** Until a device's first plot is drawn anew, as it is every second. */
export async function moved(page: Page): Promise<void> {
  const drawn = 'document.querySelector(".plots canvas")?.toDataURL() ?? ""';
  await page.locator(".plots canvas").first().waitFor();
  const before = await page.evaluate<string>(drawn);
  await until(page, `(${drawn}) !== ${JSON.stringify(before)}`);
}

/** What axe-core finds against the rules for people with disabilities, with all details unfolded and a word explained. They stay unfolded. */
export async function violations(page: Page): Promise<object[]> {
  await page.evaluate(axe); // not a script of the page's: its policy would refuse that
  await page.evaluate(`{
    for (const each of document.querySelectorAll("details")) each.open = true;
    document.querySelector("[popover]")?.showPopover();
  }`);
  await until(page, "document.querySelectorAll('details:not([open])').length === 0");
  const found = await page.evaluate(async (values) => {
    const { axe } = globalThis as unknown as {
      axe: { run(options: object): Promise<{ violations: object[] }> };
    };
    return (await axe.run({ runOnly: { type: "tag", values } })).violations;
  }, RULES);
  await page.evaluate('document.querySelector("[popover]:popover-open")?.hidePopover()');
  return found;
}
