// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { catalogue, chosen } from "./catalogue.ts";
import type { Fault } from "./fault.ts";
import { Plan } from "./plan.ts";

const told = (plan: Plan, number: number) => {
  const { fault, door, random } = plan.at(number);
  return [fault.name, door, random(), random()];
};

test("the same seed and number are the same fault, whatever was asked for before", () => {
  const [one, other] = [new Plan(7, catalogue), new Plan(7, catalogue)];
  const forwards = Array.from({ length: 3000 }, (_, number) => told(one, number));
  const backwards = Array.from({ length: 3000 }, (_, number) => told(other, 2999 - number)).toReversed();
  assert.deepEqual(forwards, backwards);
});

test("another seed is another sequence", () => {
  const names = (seed: number) => {
    const plan = new Plan(seed, catalogue);
    return Array.from({ length: 50 }, (_, number) => plan.at(number).fault.name);
  };
  assert.notDeepEqual(names(1), names(2));
});

test("each deck has each fault as often as it says", () => {
  const plan = new Plan(1, catalogue);
  for (const deck of [0, 5]) {
    const counts = new Map<string, number>();
    for (let card = 0; card < plan.cards; card++) {
      const { name } = plan.at(deck * plan.cards + card).fault;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    assert.deepEqual(
      Object.fromEntries(counts),
      Object.fromEntries(catalogue.map(({ name, cards }) => [name, cards])),
    );
  }
});

test("a fault goes only through the doors that it names", () => {
  const plan = new Plan(
    1,
    catalogue.filter(({ doors }) => doors !== undefined),
  );
  for (let number = 0; number < 1000; number++) {
    const { fault, door } = plan.at(number);
    assert.ok(fault.doors!.includes(door), `${fault.name} through ${door}`);
  }
});

test("at least one fault in twenty ends a driver's process for certain", () => {
  const cards = (faults: readonly Fault[]) => faults.reduce((sum, fault) => sum + fault.cards, 0);
  const deadly = catalogue.filter(({ ends }) => ends !== undefined && !ends.includes("maybe"));
  assert.ok(cards(deadly) >= cards(catalogue) / 20, `${cards(deadly)} of ${cards(catalogue)}`);
});

test("no two faults, nor a fault and a group, have the same name", () => {
  const names = [...catalogue.map(({ name }) => name), ...new Set(catalogue.map(({ group }) => group))];
  assert.deepEqual(names.toSorted(), [...new Set(names)].toSorted());
});

test("names and groups choose; a name that does not exist is told with the one that was meant", () => {
  const names = (chosen("exit, endings") as readonly Fault[]).map(({ name }) => name);
  assert.deepEqual(names, ["exit", "poison", "quarantine"]);
  assert.equal(chosen("exit,sigkil"), 'there is no fault "sigkil"; did you mean "sigkill"?');
  assert.equal(chosen("something else"), 'there is no fault "something else"');
});
