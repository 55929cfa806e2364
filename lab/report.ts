// Runs in: lab, on both sides. What the guest tells over its report port, one line of JSON each.

export type Report =
  | { type: "ready"; uptimeMs: number } // the runner has started and wants its job
  | {
      type: "test";
      file: string;
      name: string;
      nesting: number;
      status: "passed" | "failed" | "skipped";
      ms: number;
      error?: string;
    }
  | { type: "output"; text: string }
  | { type: "kept"; name: string; text: string } // what a test has left behind
  | { type: "done" };

export interface Job {
  files: string[]; // absolute
  fileLimitMs: number;
}

export const REPORT_PORT = "org.ring3.report";
/** The disks that are not plugged in: disk0 … of so many bytes each. Each test file has its own: QEMU may never let go of one. */
export const DISKS = 8;
export const DISK_BYTES = 64 * 1024 * 1024;

export const MONITOR_PORT = "org.ring3.monitor";

/** What a test asks of QEMU's monitor, and the answer, each one line on the monitor port. */
export interface MonitorRequest {
  command: string;
  arguments: Record<string, unknown>;
}
export type MonitorAnswer = { return: unknown } | { error: { class: string; desc: string } };
