// Runs in: everywhere. Owns: the shape of a log entry, and what of a stranger's text may reach a terminal.
import type { Clock } from "./clock.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, string | number | boolean>>;

export interface LogEntry {
  /** Milliseconds since 1970. */
  time: number;
  level: LogLevel;
  /** Who says it: "manager", "usb-1-4:1.0". */
  source: string;
  message: string;
  fields?: LogFields;
}

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose source is `parent/source`. */
  child(source: string): Log;
}

// C0, DEL and C1 drive terminals; U+2028/2029 break lines; the rest of Unicode's bidirectional controls and the
// zero-width characters make text read as something else (UAX #9 §2, UTR #36 §2).
const INVISIBLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

export const PRINTABLE_MAX = 2048;
/** Of one entry; what a stranger adds beyond is left out. */
export const FIELDS_MAX = 16;
export const FIELD_NAME_MAX = 64;

/** A stranger's text as one harmless line of at most `max` UTF-16 units; line breaks and tabs become spaces. */
export function printable(text: string, max: number = PRINTABLE_MAX): string {
  const clean = text
    .slice(0, max * 4) // bounds the work; text that is mostly control characters may end early
    .toWellFormed()
    .replace(/\r\n|[\t\n\v\f\r\u2028\u2029]/gu, " ")
    .replace(INVISIBLE, "");
  if (clean.length <= max) return clean;
  // A cut between the halves of a surrogate pair would leave half a character.
  return `${clean.slice(0, max - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** A log that hands each entry, made printable, to `sink`. */
export function createLog(source: string, sink: (entry: LogEntry) => void, clock: Clock): Log {
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    const entry: LogEntry = {
      time: clock.wallTime(),
      level,
      source: printable(source, 256),
      message: printable(message),
    };
    if (fields !== undefined) entry.fields = cleanFields(fields);
    sink(entry);
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (name) => createLog(`${source}/${name}`, sink, clock),
  };
}

function cleanFields(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields)
      .slice(0, FIELDS_MAX)
      .map(([key, value]) => [
        printable(key, FIELD_NAME_MAX),
        typeof value === "boolean" || Number.isFinite(value) ? value : printable(String(value)),
      ]),
  );
}
