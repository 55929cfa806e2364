// Runs in: browser, in the console. Owns: nothing; what a class's own view of a unit (CLASS/view.tsx) is given: types only.

/** Numbers are the contract's. */
export interface ViewParts {
  readonly properties: Readonly<Record<string, unknown>>;
  /** The latest of each event; `driver`: whether one is there. */
  readonly events: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;
}
