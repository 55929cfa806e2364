// Runs in: browser. Owns: nothing; what a device is called, and the state that it is in.
import type { DeviceStatus } from "./told.ts";

export const nameOf = ({ alias, name, id }: DeviceStatus) => alias ?? (name === "" ? id : name);

export function State({ device }: { device: DeviceStatus }) {
  const { state, sandbox } = device;
  const unjailed = sandbox === "none" && state !== "available" && state !== "unmatched";
  return (
    <span class={`state ${state}`}>
      {state}
      {unjailed ? ", no jail" : ""}
    </span>
  );
}
