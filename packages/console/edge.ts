// Runs in: console (serves) and its server (asks). Owns: nothing. What the server has of the process that started it.

import { defineEdge } from "@ring3/control/edge";
import { count, name, nothing, text } from "@ring3/control/fields";
import * as v from "valibot";

/** Short enough for a line of a terminal, too long to be guessed. */
const token = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, "32 hex digits"));
const key = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "64 hex digits"));

const tcpPort = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(65535));

/** What a demo can do to a simulated device and its driver. */
export const faults = ["crash", "hang", "garbage", "unplug"] as const;
export type Fault = (typeof faults)[number];

/** What came of it, one after the other; nothing where the device's steps tell it. */
export const followed = v.array(v.strictObject({ sinceMs: v.pipe(v.number(), v.minValue(0)), text }));
export type Followed = v.InferOutput<typeof followed>;

/** What a demo's program that uses a disk all the while has found. */
export const workload = v.strictObject({
  device: name,
  /** Written, read again and compared. */
  blocks: count,
  /** Of those that were not as they were written, or could not be. */
  lost: count,
  /** The longest that one took. */
  longestMs: v.pipe(v.number(), v.minValue(0)),
});
export type Workload = v.InferOutput<typeof workload>;

export const consoleEdge = defineEdge({
  name: "console",
  methods: {
    begin: {
      params: nothing,
      result: v.strictObject({
        /** Whoever shows this in a page's address once is let in. */
        token,
        /** By which this process and the next one know whom they have let in. */
        key,
        /** Devices may be started, stopped and so on. */
        control: v.boolean(),
        /** It is a demo's: devices can be broken. */
        demo: v.boolean(),
      }),
    },
    /** Only in a demo. Resolves once it is done. */
    fault: {
      params: v.strictObject({ device: name, fault: v.picklist(faults) }),
      result: v.strictObject({ followed }),
    },
  },
  tells: {
    /** At 127.0.0.1; browsers are answered. */
    listening: v.strictObject({ port: tcpPort }),
    /** It cannot be had at that port. */
    refused: v.strictObject({ text }),
    /** Somebody has been let in by the token: it is worth nothing any more. */
    used: v.strictObject({}),
  },
  notices: {
    /** Another one, in place of the last. */
    token: v.strictObject({ token }),
    workload,
  },
});
