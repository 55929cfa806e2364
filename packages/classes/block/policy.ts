// Runs in: the manager. Owns: nothing; who may open a disk beside whom.

export interface Holder {
  /** For people: "reflector", or the client's process. */
  readonly name: string;
  readonly mode: "read" | "write";
}

/**
 * A disk has any number of readers and at most one writer, as a file system or an NBD export must be the only one to write.
 * @returns undefined if `wanted` may join `holders`, else the reason
 */
export function admit(holders: readonly Holder[], wanted: Holder): string | undefined {
  if (wanted.mode === "read") return undefined;
  const writer = holders.find((holder) => holder.mode === "write");
  return writer && `the disk is held for writing by ${writer.name}; it has one writer at a time`;
}
