// Runs in: reflector. Owns: what is pressed on the device, and what of it is to have no effect.
import type { Control } from "@ring3/core/controls";

/** What a press that was there before may not do: anything, or begin what goes on by itself. */
type Mute = "all" | "beginnings";

export class Presses {
  #down: ReadonlySet<Control> = new Set();
  readonly #mutes = new Map<Control, Mute>();
  /** Since a reset nothing was heard of the device: what is muted was held then, and may be held still. */
  #unheard = false;
  /** What it says first was so before, and that is what it may not do. */
  #resumed: Mute | undefined;

  get down(): ReadonlySet<Control> {
    return this.#down;
  }

  /** What is pressed now, of all there is; returns what is so no more, and what was not so before. */
  look(pressed: readonly Control[]): {
    readonly released: readonly Control[];
    readonly pressed: readonly Control[];
  } {
    const before = this.#down;
    this.#down = new Set(pressed);
    if (this.#unheard) this.#keep(this.#down);
    if (this.#resumed !== undefined) this.#muteDown(this.#resumed);
    this.#unheard = false;
    this.#resumed = undefined;
    const released = [...before].filter((control) => !this.#down.has(control));
    for (const control of released) this.#mutes.delete(control);
    return { released, pressed: [...this.#down].filter((control) => !before.has(control)) };
  }

  /** What is pressed, or was when the device was last heard, has no effect until it is pressed anew. */
  mute(): void {
    this.#muteDown("all");
    for (const control of this.#mutes.keys()) this.#mutes.set(control, "all");
    if (this.#resumed !== undefined) this.#resumed = "all";
  }

  /** Nothing is known to be pressed. What then still is does not begin anew what goes on by itself: nobody pressed it. */
  reset(): void {
    this.#muteDown("beginnings");
    this.#down = new Set();
    this.#unheard = true;
  }

  /** What is pressed when the device is heard first was pressed before there was anybody to know it. */
  resume(): void {
    this.#resumed = "beginnings";
  }

  #muteDown(what: Mute): void {
    for (const control of this.#down) if (!this.isMute(control, "all")) this.#mutes.set(control, what);
  }

  /** Is it pressed, and not without effect? */
  holds(control: Control): boolean {
    return this.#down.has(control) && !this.isMute(control, "all");
  }

  isMute(control: Control, what: Mute): boolean {
    const mute = this.#mutes.get(control);
    return mute === "all" || (mute !== undefined && mute === what);
  }

  #keep(controls: ReadonlySet<Control>): void {
    for (const control of this.#mutes.keys()) if (!controls.has(control)) this.#mutes.delete(control);
  }
}
