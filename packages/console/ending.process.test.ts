// Runs in: node --test. Owns: consoles of a manager that the test plays: what they hand on to their server, and how they end when something is in the way.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { PlayedManager, playedDevice } from "./played-manager.fixture.ts";
import { RunningConsole } from "./running-console.fixture.ts";

/** In order: with code 0, and without its server. */
async function endsWithin(ms: number, console: RunningConsole, server: number): Promise<void> {
  const asked = performance.now();
  await console.stop();
  assert.ok(performance.now() - asked < ms, `it took ${performance.now() - asked} ms`);
  assert.equal(existsSync(`/proc/${server}`), false);
}

test("a console that is asked to end ends its server", async () => {
  using manager = new PlayedManager([playedDevice({})]);
  const console = await RunningConsole.start(manager.directory);
  await endsWithin(1500, console, console.server);
});

test("a descriptor that was left open for the console does not go on to its server", async () => {
  using manager = new PlayedManager([playedDevice({})]);
  const console = await RunningConsole.start(manager.directory);
  assert.deepEqual(console.strangersIn(console.pid), ["60"]);
  assert.deepEqual(console.strangersIn(console.server), []);
  await console.stop();
});

test("a server that stands still is killed", async () => {
  using manager = new PlayedManager([playedDevice({})]);
  const console = await RunningConsole.start(manager.directory);
  const { server } = console;
  process.kill(server, "SIGSTOP");
  await endsWithin(5000, console, server);
});

test("a manager that does not answer to the next server is not waited for", async () => {
  const answers: (() => object | Promise<object>)[] = [() => ({}), () => ({})];
  const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>();
  const silence = () => {
    asked();
    return new Promise<object>(() => {});
  };
  using manager = new PlayedManager([playedDevice({})], {
    renounce: () => (answers.shift() ?? silence)() as Promise<Record<string, never>>,
  });
  const console = await RunningConsole.start(manager.directory);
  const { server } = console;
  process.kill(server, "SIGKILL");
  await isAsked;
  await endsWithin(1500, console, server);
});
