// Runs in: a client. Owns: nothing; how listeners that are not ours are called.

/** Runs somebody else's code: what it throws ends the process as uncaught, and not the channel or connection that called it. */
export function isolated(run: () => void): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
