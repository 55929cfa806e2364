// Runs in: every process. Owns: the count of bytes that wait to be read by the peers of one or several connections.

export class Allowance {
  readonly most: number;
  #waiting = 0;

  constructor(most: number) {
    this.most = most;
  }

  /** False where more wait than may; they count all the same until they are given back. */
  take(bytes: number): boolean {
    this.#waiting += bytes;
    return this.#waiting <= this.most;
  }

  giveBack(bytes: number): void {
    this.#waiting -= bytes;
  }
}
