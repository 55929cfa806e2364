// Runs in: keeper (serves) and manager (asks). Owns: nothing. What the manager has the keeper do, and keep for the next manager.
import * as v from "valibot";
import { defineEdge } from "./edge.ts";
import { count, name, nothing, path, pid, text, userId } from "./fields.ts";

/** SCM_MAX_FD is 253; a frame carries 16. */
const maxStdio = 16;
/** Descriptors that one record may hold. */
const maxHeld = 8;
/** A manager's own words: as long as one device with all its units may need. */
const note = v.pipe(v.string(), v.maxLength(1 << 20));

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
    /** Keeps descriptors under a name, in place of those it had. What is kept outlives the manager, and ends with the keeper. */
    hold: { params: v.strictObject({ name }), result: nothing, fds: [1, maxHeld] },
    /** What earlier managers have left, one record after the other, oldest first; null when there is no further one. */
    inherit: {
      params: v.strictObject({ index: count }),
      result: v.strictObject({ record: v.nullable(v.strictObject({ name, note: v.nullable(note) })) }),
      answerFds: [0, maxHeld],
    },
    /** The processes that live, whichever manager had them started. */
    children: {
      params: nothing,
      result: v.strictObject({ children: v.array(v.strictObject({ name, pid })) }),
    },
  },
  tells: {
    /** SIGKILL to the process started under that name, while it is the keeper's child. */
    kill: v.strictObject({ name }),
    /** Keeps a text under a name, in place of the one it had. The keeper does not read it. */
    note: v.strictObject({ name, note }),
    /** Lets go of what is kept under a name. */
    drop: v.strictObject({ name }),
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
