// Runs in: CLI. Owns: nothing. What a unit looks like of which nothing is known but its contract: its properties, and of each event how often and what
// was told last. Pure.
import type { Contract, EventName, Properties } from "@ring3/core/contract";
import { type Line, lit, type Picture } from "@ring3/core/picture";

const NAME_COLUMNS = 24;

export function contractPicture<C extends Contract>(contract: C, properties: Properties<C>): Picture<C> {
  const names = Object.keys(contract.events) as EventName<C>[];
  const told = new Map(names.map((name) => [name, { times: 0, data: undefined as unknown }]));
  const take = (name: EventName<C>) => (data: unknown) => {
    const before = told.get(name)!;
    told.set(name, { times: before.times + 1, data });
  };
  return {
    take: Object.fromEntries(names.map((name) => [name, take(name)])) as unknown as Picture<C>["take"],
    release() {}, // what has happened has happened
    lines: () => [
      ...membersOf(properties).map(([name, value]): Line => [` ${name.padEnd(NAME_COLUMNS)}`, value]),
      ...[...told].flatMap(([name, { times, data }]): Line[] => [
        [` ${name.padEnd(NAME_COLUMNS)}`, times === 0 ? "not told" : lit(`told ${times} times`)],
        ...membersOf(data).map(([member, value]): Line => [`   ${member.padEnd(NAME_COLUMNS - 2)}`, value]),
      ]),
    ],
  };
}

const membersOf = (value: unknown): [name: string, text: string][] =>
  Object.entries(value ?? {}).map(([name, member]) => [name, textOf(member)]);

function textOf(value: unknown): string {
  if (Array.isArray(value) || ArrayBuffer.isView(value))
    return Array.from(value as ArrayLike<unknown>, textOf).join(" ");
  if (typeof value !== "object" || value === null) return String(value);
  return `{ ${membersOf(value)
    .map(([name, text]) => `${name} ${text}`)
    .join(", ")} }`;
}
