// Runs in: reflector. Owns: that somebody is told what is wanted, one telling at a time: what is wanted otherwise meanwhile is told behind it.
export class Teller {
  readonly #say: () => Promise<void>;
  #telling = false;
  #again = false;

  /** `say` tells what is wanted then; it must not reject. */
  constructor(say: () => Promise<void>) {
    this.#say = say;
  }

  tell(): void {
    this.#again = true;
    if (!this.#telling) void this.#tell();
  }

  async #tell(): Promise<void> {
    this.#telling = true;
    while (this.#again) {
      this.#again = false;
      await this.#say();
    }
    this.#telling = false;
  }
}
