import assert from "node:assert/strict";
import { test } from "node:test";
import { PeerMissing } from "./benchmark.ts";
import { needs } from "./nbd.ts";

test("a peer that is not installed is told with the package that has it", () => {
  assert.throws(
    () => needs("ring3-no-such-peer", "some-package"),
    (error) => {
      assert.ok(error instanceof PeerMissing);
      assert.equal(error.message, "ring3-no-such-peer is not installed (apt-get install some-package)");
      return true;
    },
  );
  needs(process.execPath, "nodejs");
});
