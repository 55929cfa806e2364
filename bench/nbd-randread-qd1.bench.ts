// Runs in: benchmarks.
import { randomReads } from "./nbd-randread.ts";

export default randomReads(1, { one: ">= 0.95", all: ">= 0.9" });
