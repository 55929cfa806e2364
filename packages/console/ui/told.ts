// Runs in: browser. Owns: the shapes of what the console tells; types only.

export type { CrashReport, CrashSummary } from "@ring3/control/crash";
export type { Explanation } from "@ring3/control/explanation";
export type { InFlight, Passage, Step } from "@ring3/control/observation";
export type { Rates } from "@ring3/control/rates";
export type { DeviceState, DeviceStatus, Status } from "@ring3/control/status";
export type { LogEntry } from "@ring3/core/log";
export type { Followed, Workload } from "../edge.ts";
export type { Past, Second, Whole } from "../server/picture.ts";
