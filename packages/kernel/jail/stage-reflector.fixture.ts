// Runs in: tests, as a process like a keeper, and one like a reflector below it. Owns: their standard streams, which they share.
import { spawn } from "node:child_process";
import { check } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { architectureOf } from "./seccomp.ts";
import { reflectorFilter } from "./stage-reflector.ts";
import { supervisorFilter } from "./supervisor.ts";

const architecture = architectureOf(process.arch);

if (process.argv[2] === "keeper") {
  check(native.seccomp(supervisorFilter(architecture), true), "put on the supervisors' filter"); // no io_uring from here on
  const reflector = spawn(process.execPath, [process.argv[1]!, "reflector"], { stdio: "inherit" });
  reflector.on("exit", (code, signal) => process.exit(signal === null ? code! : 1));
} else {
  const { stdout, stdin } = process; // opened before: which kind they are could not be asked any more
  stdin.once("data", () => process.exit(7));
  check(native.seccomp(reflectorFilter(architecture, process.pid), true), "put on the reflector's filter");
  stdout.write("confined");
}
