// Runs in: CLI. Owns: nothing. What people read: device lists, log lines, explanations. Pure.

import { durationText } from "@ring3/control/duration";
import type { Explanation } from "@ring3/control/explanation";
import type { RequestInFlight, Step } from "@ring3/control/observation";
import type { DeviceStatus, Status } from "@ring3/control/status";
import { type LogEntry, printable } from "@ring3/core/log";
import { wrapped } from "./command.ts";
import type { Colour } from "./ring3.ts";

export type Paint = (colour: Colour, text: string) => string;
export const plain: Paint = (_, text) => text;

export const stateColours: Readonly<Record<DeviceStatus["state"], Colour>> = {
  unmatched: "dim",
  available: "yellow",
  starting: "yellow",
  running: "green",
  suspended: "yellow",
  stopped: "dim",
  failed: "red",
  quarantined: "red",
  stuck: "red",
  gone: "dim",
};

/** Shortened to `width` with an ellipsis, padded to it. */
export function fit(text: string, width: number): string {
  return (text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text).padEnd(width);
}

/** The processes, then a line a device with its reason where it does not run, and a line an endpoint, never cut: it is to be copied. */
export function statusText(status: Status, directory: string, width: number, paint: Paint): string {
  const reflectors = status.reflectors.map(
    ({ class: className, driver, pid }) => `${driver ?? className} reflector ${pid}`,
  );
  const head = [
    `keeper ${status.keeperPid}`,
    `manager ${status.manager.pid}`,
    ...reflectors,
    `up ${durationText(status.manager.uptimeMs)}`,
  ];
  return [
    wrapped("", `ring3 in ${directory}: ${head.join(", ")}`, width),
    "",
    devicesText(status.devices, width, paint),
  ].join("\n");
}

export function devicesText(devices: readonly DeviceStatus[], width: number, paint: Paint): string {
  if (devices.length === 0) return "no devices";
  const label = ({ id, alias }: DeviceStatus) => (alias === null ? id : `${id} (${alias})`);
  const idWidth = Math.min(30, Math.max(6, ...devices.map((device) => label(device).length)));
  const driverWidth = Math.min(16, Math.max(6, ...devices.map((device) => (device.driver ?? "-").length)));
  const columns = (id: string, state: string, driver: string, start: string, pid: string) =>
    `${fit(id, idWidth)}  ${fit(state, 11)}  ${fit(driver, driverWidth)}  ${start.padStart(5)}  ${pid.padStart(7)}  `;
  const title = `${columns("DEVICE", "STATE", "DRIVER", "START", "PID")}NAME`;
  const lines = devices.flatMap((device) => {
    const cells = columns(
      label(device),
      device.state,
      device.driver ?? "-",
      device.incarnation === 0 ? "-" : `#${device.incarnation}`,
      String(device.hostPid ?? "-"),
    );
    const line = cells + fit(printable(device.name), Math.max(4, width - cells.length)).trimEnd();
    return [
      line.replace(device.state, paint(stateColours[device.state], device.state)),
      ...remarks(device, width, paint),
    ];
  });
  return [paint("bold", title), ...lines].join("\n");
}

function remarks(device: DeviceStatus, width: number, paint: Paint): string[] {
  const notes =
    device.state !== "running" && device.reason !== ""
      ? [wrapped("  ", printable(device.reason), width)]
      : [];
  const unjailed =
    device.placement === "inline"
      ? [paint("red", "  runs INLINE: no isolation, its driver's faults are its reflector's")]
      : device.sandbox === "none"
        ? [paint("red", "  runs WITHOUT a sandbox: its driver can do what the user can do")]
        : [];
  const endpoints = device.units.flatMap((unit) =>
    unit.endpoints.map(
      ({ kind, address }) => `  ${unit.id.slice(device.id.length)} ${kind}  ${printable(address)}`,
    ),
  );
  return [...notes, ...unjailed, ...endpoints];
}

const levelColours: Readonly<Record<LogEntry["level"], Colour>> = {
  debug: "dim",
  info: "green",
  warn: "yellow",
  error: "red",
};

/** One line an entry: "2026-01-31 12:00:00.000 warn  usb-1-4:1.0 driver restarted incarnation=2". */
export function logText({ time, level, source, message, fields }: LogEntry, paint: Paint): string {
  const when = new Date(time).toISOString().replace("T", " ").replace("Z", "");
  const extra = Object.entries(fields ?? {}).map(([key, value]) => ` ${printable(key)}=${fieldText(value)}`);
  return `${paint("dim", when)} ${paint(levelColours[level], level.padEnd(5))} ${printable(source)} ${printable(message)}${extra.join("")}`;
}

function fieldText(value: string | number | boolean): string {
  return typeof value === "string" && /[\s"=]|^$/.test(value)
    ? JSON.stringify(printable(value))
    : printable(String(value));
}

export function explanationText(explanation: Explanation, width: number, paint: Paint): string {
  const { id, name, identity, state, reason, driver, ranking } = explanation;
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ["", paint("bold", title), ...lines.map((line) => wrapped("  ", line, width))];
  const chosen = ranking.find((ranked) => ranked.driver === driver);
  const others = ranking.filter((ranked) => ranked !== chosen);
  const owner =
    explanation.kernelDriver === null ? [] : [`the kernel's ${printable(explanation.kernelDriver)} has it`];
  const holders = explanation.holders.map(
    ({ node, how, where }) => `${printable(node)}: ${how}${where === "" ? "" : ` ${printable(where)}`}`,
  );
  const rule =
    explanation.takeRule === null ? [] : [`a take rule covers it: ${printable(explanation.takeRule)}`];
  return [
    `${paint("bold", id)}  ${printable(name)}  ${identity}`,
    wrapped("", `is ${state}${reason === "" ? "" : `: ${printable(reason)}`}`, width),
    ...section(
      "Driver",
      chosen === undefined
        ? ["none matches"]
        : [`${chosen.driver} ${chosen.version} (score ${chosen.score}): ${chosen.matched.join(", ")}`],
    ),
    ...section(
      "Why not the others",
      others.map(
        (ranked) =>
          `${ranked.driver} ${ranked.version}: ${ranked.missed.length === 0 ? `matches, with score ${ranked.score} only` : ranked.missed.join("; ")}`,
      ),
    ),
    ...section("What the driver may ask of the kernel", jailLines(explanation.jail)),
    ...section(
      "Where it runs",
      [explanation.placement, explanation.processors].filter((line) => line !== null),
    ),
    ...section("Who has it", [...owner, ...holders, ...rule]),
    ...section("What it has in hand", explanation.inFlight.map(requestLine)),
    ...section("How it came so far", explanation.steps.map(stepLine)),
    ...section(
      "What is missing",
      explanation.missing.map((line) => printable(line)),
    ),
    ...section(
      "What to do",
      explanation.next.map((line) => printable(line)),
    ),
  ].join("\n");
}

function requestLine({ operation, client, ageMs, bytes }: RequestInFlight): string {
  return `${operation} for ${printable(client)}, ${bytes} bytes, since ${Math.round(ageMs)} ms`;
}

/** "+41.3 ms  replayed: 3 requests of the block reflector (start #2)" */
function stepLine({ step, sinceMs, incarnation, requests, detail }: Step): string {
  const what =
    requests === null ? detail : `${requests} ${requests === 1 ? "request" : "requests"} of ${detail}`;
  return `+${sinceMs.toFixed(1)} ms  ${step}${what === "" ? "" : `: ${printable(what)}`} (start #${incarnation})`;
}

function jailLines(jail: Explanation["jail"]): string[] {
  if (jail === null) return [];
  const { tier, systemCalls, requests } = jail;
  return [
    `${systemCalls.length} system calls (tier ${tier}): ${systemCalls.join(", ")}`,
    `ioctl requests (${requests.length}): ${requests.join(", ")}`,
  ];
}
