// Runs in: make screenshots, Node. Owns: docs/images: what the console of a demo looks like, light, dark and narrow.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Browser, chromium } from "playwright-core";

const images = join(import.meta.dirname, "images");
const cli = join(import.meta.dirname, "../packages/cli/main.ts");
/** So that the plots have something to show. */
const LIVED_MS = 20_000;

const demo = spawn(process.execPath, [cli, "demo"], { stdio: ["ignore", "pipe", "inherit"] });

async function address(): Promise<string> {
  for await (const line of createInterface({ input: demo.stdout }))
    if (line.trim().startsWith("http://")) return line.trim();
  throw new Error("the demo ended before it had an address");
}

async function take(browser: Browser, url: string): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1100, height: 760 } });
  const page = await context.newPage();
  await page.goto(url);
  await page.getByText("blocks checked").waitFor();
  const device = async (id: string) => {
    await page.evaluate(`location.hash = "#/${encodeURIComponent(id)}"`);
    await page.getByText("Why it is so").waitFor();
  };
  await device("usb-work:1.0");
  for (const fault of ["Crash its driver", "Hang its driver"]) {
    await page.getByRole("button", { name: fault }).click();
    await page.waitForTimeout(LIVED_MS / 2);
  }
  await page.emulateMedia({ colorScheme: "dark" });
  await page.reload(); // plots take their colours once
  await page.getByText("Why it is so").waitFor();
  await page.waitForTimeout(1500);
  await page.screenshot({ path: join(images, "console-device-dark.png"), fullPage: true });
  await page.emulateMedia({ colorScheme: "light" });
  await page.evaluate('location.hash = "#/"');
  await page.getByText("blocks checked").waitFor();
  await page.screenshot({ path: join(images, "console-light.png") });
  await page.setViewportSize({ width: 360, height: 760 });
  await device("usb-pad:1.3");
  await page.waitForTimeout(1500);
  await page.screenshot({ path: join(images, "console-narrow.png") });
}

try {
  const url = await address();
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  await take(browser, url);
  await browser.close();
} finally {
  demo.kill("SIGINT");
  await once(demo, "close");
}
