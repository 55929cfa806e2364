// Runs in: reflector. Owns: a unit's input devices by their numbers, while what they are to be changes.
import type { Clock } from "@ring3/core/clock";
import type { InputDescription } from "@ring3/kernel/uinput/description";
import { InputNode, type InputNodes, type NodeOwner } from "./endpoint-node.ts";

export interface Planned {
  readonly index: number;
  readonly description: InputDescription;
  readonly owner?: NodeOwner;
}

interface Made {
  readonly shape: string;
  readonly node: InputNode;
}

export class UnitNodes {
  readonly #nodes: InputNodes;
  readonly #clock: Clock;
  readonly #made = new Map<number, Made>();

  constructor(nodes: InputNodes, clock: Clock) {
    this.#nodes = nodes;
    this.#clock = clock;
  }

  /** Where programs find them, in the order of their numbers. */
  get paths(): string[] {
    return [...this.#made].toSorted(([one], [other]) => one - other).map(([, { node }]) => node.path);
  }

  /** A reflector before this one has made any of them. */
  get adopted(): boolean {
    return [...this.#made.values()].some(({ node }) => node.adopted);
  }

  /** Of those that were planned. */
  at(index: number): InputNode {
    return this.#made.get(index)!.node;
  }

  /** All of those are there, and as they are planned. */
  has(planned: readonly Planned[]): boolean {
    return planned.every(
      ({ index, description }) => this.#made.get(index)?.shape === JSON.stringify(description),
    );
  }

  /**
   * From then on there are these and no others. Who is the same as before stays as it is, with all who have it open, and with the owner that it had.
   * One that was there before ends once all that are new are there, or where another takes its number.
   */
  async become(planned: readonly Planned[]): Promise<void> {
    const replaced = (one: Planned) => this.#made.has(one.index);
    const missing = planned.filter((one) => !this.has([one]));
    for (const one of missing.toSorted((a, b) => Number(replaced(a)) - Number(replaced(b)))) {
      this.#end(one.index); // two devices cannot have one number
      await this.#make(one);
    }
    const indexes = planned.map(({ index }) => index);
    await this.#nodes.keep(indexes);
    for (const index of this.#made.keys()) if (!indexes.includes(index)) this.#end(index);
  }

  async #make({ index, description, owner }: Planned): Promise<void> {
    const node = await InputNode.open(this.#nodes, index, description, this.#clock, owner);
    this.#made.set(index, { shape: JSON.stringify(description), node });
  }

  #end(index: number): void {
    this.#made.get(index)?.node.close();
    this.#made.delete(index);
  }

  /** Nobody could say that anything is still pressed. */
  release(): void {
    for (const { node } of this.#made.values()) node.release();
  }

  close(): void {
    for (const { node } of this.#made.values()) node.close();
    this.#made.clear();
  }
}
