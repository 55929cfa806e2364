// Runs in: node --test.
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { test } from "node:test";
import { Connections } from "./connections.ts";

class Played extends EventEmitter {
  destroyed = false;
  destroy(): void {
    this.destroyed = true;
    queueMicrotask(() => this.emit("close"));
  }
}

function setUp() {
  const connections = new Connections();
  const open = () => {
    const socket = new Played();
    connections.opened(socket as unknown as Socket);
    return socket;
  };
  const answers = (socket: Played) => {
    const answer = Object.assign(new EventEmitter(), { socket });
    connections.answers(answer as unknown as ServerResponse);
    return { over: () => answer.emit("close") };
  };
  const many = (count: number) => Array.from({ length: count }, open);
  return { open, answers, many };
}
const closed = (sockets: readonly Played[]) => sockets.filter(({ destroyed }) => destroyed).length;

test("512 connections wait; of more, those that have waited longest make room", () => {
  const { many } = setUp();
  const first = many(512);
  assert.equal(closed(first), 0);
  const more = many(88);
  assert.deepEqual([closed(first.slice(0, 88)), closed(first.slice(88)), closed(more)], [88, 0, 0]);
});

test("one that is answered, or has a stream, makes room for nobody", () => {
  const { open, answers, many } = setUp();
  const page = open();
  const answer = answers(page);
  many(2000);
  assert.equal(page.destroyed, false);
  answer.over();
  many(511);
  assert.equal(page.destroyed, false); // it was heard of last
  many(1);
  assert.equal(page.destroyed, true);
});

test("those that close by themselves make room as well", async () => {
  const { many } = setUp();
  const first = many(10);
  for (const socket of many(500)) socket.destroy();
  await Promise.resolve();
  many(502);
  assert.equal(closed(first), 0);
});

test("a stream that ends with its connection leaves nothing behind", async () => {
  const { open, answers, many } = setUp();
  const [first] = many(1);
  const page = open();
  const answer = answers(page);
  page.destroy();
  await Promise.resolve();
  answer.over();
  many(511);
  assert.equal(first!.destroyed, false);
});
