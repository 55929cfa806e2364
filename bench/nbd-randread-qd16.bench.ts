// Runs in: benchmarks.
import { randomReads } from "./nbd-randread.ts";

export default randomReads(16, { one: ">= 1.3", all: ">= 0.9" });
