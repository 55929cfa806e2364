// Runs in: keeper. Owns: what the service manager is told that started ring3, if one did: sd_notify(3), sd_watchdog_enabled(3).
import { sendDatagram } from "@ring3/kernel/socket/datagram";

export interface ServiceManager {
  /** Assignments, one a line: "READY=1". */
  tell(state: string): void;
  /** A sign of life is due within so many milliseconds each time; undefined: nobody watches. */
  readonly watchMs: number | undefined;
}

/** Nobody is told anything where no service manager has started this process. */
export function serviceManager(env: NodeJS.ProcessEnv, pid: number): ServiceManager {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID = String(pid) } = env;
  if (NOTIFY_SOCKET === undefined || !/^[/@]/.test(NOTIFY_SOCKET)) return { tell() {}, watchMs: undefined };
  const watchMs = Math.floor(Number(WATCHDOG_USEC) / 1000);
  return {
    tell: (state) => void sendDatagram(NOTIFY_SOCKET, state), // one that does not listen is no reason to end
    watchMs: WATCHDOG_PID === String(pid) && watchMs > 0 ? watchMs : undefined,
  };
}
