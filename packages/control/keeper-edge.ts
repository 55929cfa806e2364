// Runs in: keeper (serves) and manager (asks). Owns: nothing. What the manager has the keeper do.
import * as v from "valibot";
import { defineEdge } from "./edge.ts";
import { count, name, path, pid, text, userId } from "./fields.ts";

/** SCM_MAX_FD is 253; a frame carries 16. */
export const maxStdio = 16;

export const keeperEdge = defineEdge({
  name: "keeper",
  methods: {
    /** Starts a process whose descriptors 0, 1, 2 … are those passed along, and no others. */
    spawn: {
      params: v.strictObject({
        /** Chosen by the manager; comes back in `exited`. Taken while such a process lives: "busy". */
        name,
        file: path,
        args: v.pipe(v.array(text), v.maxLength(1024)),
        /** Set before exec; the keeper's own where absent. */
        uid: v.exactOptional(userId),
        gid: v.exactOptional(userId),
        /** How many descriptors came along, so that one that was lost on the way is noticed. */
        stdio: v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(maxStdio)),
      }),
      result: v.strictObject({ pid }),
      fds: [1, maxStdio],
    },
  },
  tells: {
    /** SIGKILL to the process started under that name, while it is the keeper's child. */
    kill: v.strictObject({ name }),
    /** Clients are served from here on. */
    serving: v.strictObject({}),
    /** Its event loop turns; after "watch". */
    alive: v.strictObject({}),
    /** How long the manager may take to end everything in order. Without a word the keeper has a time of its own. */
    patience: v.strictObject({ ms: count }),
  },
  notices: {
    /** Reaped. One of `code` and `signal` is null. */
    exited: v.strictObject({ name, pid, code: v.nullable(count), signal: v.nullable(name) }),
    /** SIGTERM or SIGINT reached the keeper: the manager ends everything in order and exits. */
    stop: v.strictObject({}),
    /** Whoever started ring3 watches over it: the manager is to say "alive" so often. */
    watch: v.strictObject({ everyMs: v.pipe(v.number(), v.integer(), v.minValue(1)) }),
  },
});
