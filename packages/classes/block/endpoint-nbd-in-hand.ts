// Runs in: reflector. Owns: the count of one NBD client's bytes that are under way.

/**
 * Bytes of reads and writes before no more requests are read. More make no disk faster, and a processor's cache holds no more: with
 * all slots' worth of them whole disks were copied at three quarters of the pace.
 */
const IN_HAND_MAX = 2 * 1024 * 1024;

export class InHand {
  #bytes = 0;
  #whenLess: (() => void) | undefined;

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
    this.#whenLess?.();
    this.#whenLess = undefined;
  }

  /** For the one who adds. */
  async room(): Promise<void> {
    while (this.full)
      await new Promise<void>((resolve) => {
        this.#whenLess = resolve;
      });
  }

  get full(): boolean {
    return this.#bytes >= IN_HAND_MAX;
  }
}
