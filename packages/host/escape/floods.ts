// Runs in: driver host, as the hostile driver of `ring3 probe`. Owns: nothing. Takes all there is, never ends, says too much. What becomes of
// it is judged from outside.
import { call, type Group, type Probe, thrown, word } from "./probe.ts";

const builtin = process.getBuiltinModule;
const fs = builtin("node:fs");

interface Pages {
  readonly buffer: ArrayBuffer;
  grow(by: number): number;
}
const { WebAssembly: wasm } = globalThis as unknown as {
  WebAssembly: { Memory: new (size: { initial: number }) => Pages };
};

// asm-generic/mman-common.h
const PROT_READ = 1;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MADV_NOHUGEPAGE = 15;
const TABLE_REACH = 2 ** 21; // of one page of entries
const SPARSE = 2 ** 37;
const PAGE = 65_536; // of WebAssembly
const GROWTH = 64;
const MIB = 2 ** 20;
const SHOUTS = 5000;
/** How an incarnation may end that wants too much: by the manager's look at it, or by its runtime's own limit. */
const TOO_MUCH = ["died: memory", "died: signal", "died: crash"];
/** On a slow machine its last collection of garbage takes longer than a heartbeat may stand still. */
const HEAP_FULL = [...TOO_MUCH, "died: heartbeat"];

const flood = (name: string, denied: readonly string[], run: Probe["run"], check?: "logs"): Probe => ({
  name,
  denied,
  run,
  ...(check === undefined ? {} : { check }),
});

const NOTICED_MS = 3000;

/** Fills until it cannot, and holds what it has: the manager looks twice a second. */
function filling(take: (all: unknown[]) => void): Probe["run"] {
  return async ({ ctx }) => {
    const all: unknown[] = [];
    try {
      for (;;) {
        take(all);
        await ctx.sleep(1);
      }
    } catch (error) {
      if (all.length > 0) await ctx.sleep(NOTICED_MS);
      return thrown(error);
    }
  };
}

const ESCAPES = "\u001b[2J\u0007\u202edrowssap\u009b31m";

export const floods: Group = {
  name: "floods",
  probes: [
    flood(
      "a log flood",
      ["unharmed"],
      ({ ctx }) => {
        for (let line = 0; line < SHOUTS; line++) ctx.log.error("x".repeat(1500));
        return "unharmed";
      },
      "logs",
    ),
    flood(
      "escape sequences in the log",
      ["unharmed"],
      ({ ctx }) => {
        ctx.log.warn(ESCAPES, { "\u001bkey": `\u001b]0;title\u0007` });
        return "unharmed";
      },
      "logs",
    ),
    flood(
      "escape sequences in an error's stack",
      ["died: crash"],
      () => {
        const error = new Error(ESCAPES);
        error.stack = `${ESCAPES}\n    at ${ESCAPES}`;
        setTimeout(() => {
          throw error;
        }, 1);
        return new Promise<never>(() => {});
      },
      "logs",
    ),
    flood("a flood of standard error", ["unharmed"], () => {
      const shout = "x".repeat(65_536);
      for (let round = 0; round < 1000; round++)
        try {
          fs.writeSync(2, shout);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return thrown(error);
        }
      return "unharmed";
    }),
    flood(
      "fills the heap",
      HEAP_FULL,
      filling((all) => all.push(Array.from({ length: 100_000 }, (_, i) => ({ i })))),
    ),
    flood(
      "fills buffers",
      TOO_MUCH,
      filling((all) => all.push(new Uint8Array(4 * MIB).fill(1))),
    ),
    flood(
      "fills strings",
      TOO_MUCH,
      filling((all) => all.push(Buffer.alloc(MIB, all.length).toString("latin1"))),
    ),
    {
      name: "fills WebAssembly's memory",
      denied: TOO_MUCH,
      tier: "standard",
      run(inside) {
        const pages = new wasm.Memory({ initial: 1 });
        return filling((all) => {
          const before = pages.grow(GROWTH); // another buffer from here on
          all.push(new Uint8Array(pages.buffer, before * PAGE).fill(1));
        })(inside);
      },
    },
    flood("fills page tables by reading memory that is not there", TOO_MUCH, async ({ ctx }) => {
      const place = call("mmap", 0, SPARSE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (place < 0) return word(place);
      call("madvise", place, SPARSE, MADV_NOHUGEPAGE);
      for (let at = 0; at < SPARSE; at += TABLE_REACH) {
        call("write", 2, place + at, 1); // reads a page of zeroes, which is nobody's
        if (at % (4096 * TABLE_REACH) === 0) await ctx.sleep(1);
      }
      await ctx.sleep(NOTICED_MS);
      return "holds all";
    }),
    flood("an endless loop", ["died: heartbeat"], () => {
      for (;;);
    }),
    flood("endless microtasks", ["died: heartbeat", ...TOO_MUCH], () => {
      const again = (): Promise<never> => Promise.resolve().then(again);
      return again();
    }),
    flood("an endless regular expression", ["died: heartbeat"], () =>
      String(/^(a+)+$/.test(`${"a".repeat(60)}b`)),
    ),
    flood("ends its process with code 0", ["died: crash"], () => process.exit(0)),
    flood("aborts", ["died: signal"], () => process.abort()),
    flood("throws where nobody waits", ["died: crash"], () => {
      setTimeout(() => {
        throw new Error("nobody waits");
      }, 1);
      return new Promise<never>(() => {});
    }),
    flood("ends its first thread alone", ["died: heartbeat"], () => word(call("exit", 0))),
    flood("ignores every signal and hangs", ["died: heartbeat"], () => {
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"] as const) process.on(signal, () => {});
      for (;;);
    }),
  ],
};
