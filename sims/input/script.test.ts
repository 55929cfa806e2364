// Runs in: tests. Owns: nothing; scripts as people write them, right and wrong, and the time that they take.
import assert from "node:assert/strict";
import { test } from "node:test";
import { play } from "./player.ts";
import { parseScript, type Vocabulary } from "./script.ts";

/** Knows one word: `say WORD`. */
const vocabulary: Vocabulary<string[]> = {
  fresh: () => [],
  movement: "",
  step([verb, word]) {
    if (verb !== "say") throw new Error(`expected say, found "${verb}"`);
    return (said) => void said.push(word!);
  },
};

/** What a script says, each word with the time at which it does. */
async function played(text: string): Promise<string[]> {
  const said: string[] = [];
  let at = 0;
  const stage = {
    act(change: (said: string[]) => void) {
      const before = said.length;
      change(said);
      said[before] = `${at}:${said[before]}`;
    },
    async sleep(ms: number) {
      at += ms;
    },
  };
  await play(parseScript(text, vocabulary, "x"), stage, () => at);
  return said;
}

test("steps follow each other at once, a duration waits before its step, # begins a comment", async () => {
  const said = await played("say a\nsay b # not this\n\n100ms say c\nwait 2s\n 500us say d\n1ms 1ms say e");
  assert.deepEqual(said, ["0:a", "0:b", "100:c", "2100.5:d", "2102.5:e"]);
});

test("a block is repeated as often as it says, blocks in it too; none at all is none", async () => {
  const text = "repeat 2 {\n say a\n repeat 2 {\n  10ms say b\n }\n}\nrepeat 0 {\nsay never\n}\nsay c";
  assert.deepEqual(await played(text), ["0:a", "10:b", "20:b", "20:a", "30:b", "40:b", "40:c"]);
});

test("a step that comes late does not delay those behind it", async () => {
  const said: string[] = [];
  let at = 0;
  const stage = {
    act: (change: (said: string[]) => void) => change(said),
    async sleep(ms: number) {
      at += ms === 0 ? 0 : ms + 7; // a slow timer
      said.push(`slept ${ms}`);
    },
  };
  await play(parseScript("10ms say a\n10ms say b\n2ms say c", vocabulary, "x"), stage, () => at);
  assert.deepEqual(said, ["slept 10", "a", "slept 3", "b", "slept 0", "c"]);
});

test("what is wrong is told with its line, what was expected and what was found", () => {
  const cases: [string, string][] = [
    ["say a\ndance", 'x:2: expected say, found "dance"'],
    ["wait", "x:1: wait: expected one duration such as 20ms, found nothing"],
    ["wait 20", 'x:1: expected a duration such as 100ms, 2s or 500us, found "20"'],
    ["\n\n20ms", 'x:3: expected a step behind 20ms, found nothing; or "wait 20ms"'],
    ["repeat 3", 'x:1: repeat: expected "repeat N {" or "repeat forever {", found "3"'],
    ["repeat -1 {\n}", 'x:1: repeat: expected a number up to 1000000 or forever, found "-1"'],
    ["repeat 3 {\nsay a", "x:1: expected a } below this repeat, found none"],
    ["say a\n}", "x:2: expected a repeat above this }, found none"],
    ["repeat 1 {\n} say a", 'x:2: expected nothing behind }, found "say a"'],
    [
      "say a\nrepeat forever {\nsay b\n}",
      "x:4: expected the repeat of line 2 to wait somewhere, found no duration in it",
    ],
    ["wait 99999999s", 'x:1: expected a duration such as 100ms, 2s or 500us, found "99999999s"'],
  ];
  for (const [text, message] of cases)
    assert.throws(() => parseScript(text, vocabulary, "x"), { message }, text);
});
