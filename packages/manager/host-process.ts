// Runs in: manager. Owns: nothing. A driver host as the rest of the manager knows it: what it is asked, what it tells, what it is started for.

import type { MethodName, Notice, Params, Result } from "@ring3/control/edge";
import type { hostEdge } from "@ring3/control/host-edge";
import type { CallingPeer, Sendable } from "@ring3/control/peer";
import type { FailureReason } from "@ring3/core/lifecycle";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import type { Tier } from "@ring3/kernel/jail/stage-driver";

type HostEdge = typeof hostEdge;

/** What a process that stands still gets to say where: on a machine with much to do, to be run at all takes a while. */
export const STACK_MS = 500;

export interface HostListeners {
  log(line: Notice<HostEdge, "log">): void;
  failed(failure: Notice<HostEdge, "failed">): void;
  disconnected(): void;
  changed(change: Notice<HostEdge, "changed">): void;
  /** A part of it has ended, and so, in a moment, all of it. How, is told by `lost`. */
  dying(): void;
  /** It does not answer, or the process has ended, whoever ended it, or its control connection has, by a broken rule or by being closed. */
  lost(reason: FailureReason): void;
}

export interface HostProcess {
  /** Under which the keeper and the next manager know it. */
  readonly name: string;
  /** The driver's own process, as seen from outside its namespaces. */
  readonly pid: number;
  readonly peer: CallingPeer<HostEdge, Descriptor>;
  /** Rejects with "disconnected" where it ends before it answers, with "timeout" where it cannot be ended; one that does not answer is `lost`. */
  ask<M extends MethodName<HostEdge>>(
    method: M,
    params: Params<HostEdge, M>,
    fds?: readonly Sendable[],
  ): Promise<{ result: Result<HostEdge, M>; fds: Descriptor[] }>;
  /** Its process cannot be ended: what it has not answered yet, nobody waits for any more. */
  forgo(): void;
  /** A debugger has attached itself to its process. */
  readonly held: boolean;
  /** Other drivers may be in its process, whose end is theirs too. */
  readonly shared: boolean;
  /** Ends the driver in order; what it has not answered by then fails, or is kept for the next one. Rejects where it does not within the time. */
  remove(requests: "fail" | "keep", withinMs: number): Promise<void>;
  /** Resolves when no process of the sandbox lives and nothing queued for it is left, or a driver beside others has let go of its device in order. */
  readonly fenced: Promise<void>;
  /** The whole sandbox, at once. `why`: of which driver, for those who share it. */
  kill(why: string): void;
  /** The process fails in a way that is not yet anybody's fault: whose it is, is told by `lost`. */
  blame(reason: FailureReason): void;
  /** Where its JavaScript stands, however busy it is; "" where it does not say within the time. */
  stack(withinMs: number): Promise<string>;
  /** The driver's code is in it. Rejects with what is wrong with the driver, or "disconnected" where the host ends before. */
  readonly loaded: Promise<void>;
  /** To one that an earlier manager has started, first of all: how it stands. */
  introduce(): Promise<Result<HostEdge, "adopt">>;
}

/** What cannot be changed once a host's runtime is loaded. */
export interface HostShape {
  /** What the driver may hold. */
  readonly memoryMb: number;
  /** Of one processor, where there are cgroups. */
  readonly cpuPercent: number | undefined;
  readonly tier: Tier;
}

/** What a host is started for. */
export interface HostKind extends HostShape {
  /** As control/placement.ts has it. In a shared process `driver.requests` and the shape are those of all drivers that may come there. */
  readonly placement: string;
  readonly class: string;
  readonly driver: {
    /** No two drivers have the same. */
    readonly name: string;
    /** Sealed; lent. */
    readonly code: Descriptor;
    /** Of that, which are code. */
    readonly codeBytes: number;
    /** The ioctl requests that it is granted. */
    readonly requests: readonly number[];
  };
}

/** A host for a device's driver, at once where one waits. Rejects, and leaves nothing behind, where none can be started. */
export type StartHost = (
  kind: HostKind,
  listeners: HostListeners,
  /** How it is had, once that is known. */
  got: (how: HostOrigin) => void,
) => Promise<HostProcess>;
/** It waited; it was being started, by somebody who expected this; it is started now; it is in a process where others are, or will be. */
export type HostOrigin = "spare" | "expected" | "cold" | "seat";

/** One that may be somebody's. */
export interface LeftHost {
  adopt(listeners: HostListeners): HostProcess;
  readonly fenced: Promise<void>;
}

/** A host without a device: it is confined, and its driver's code is loaded or being loaded. */
export interface SpareHost extends LeftHost {
  /** False once it has ended, or is another's. */
  readonly free: boolean;
  readonly loaded: Promise<void>;
  kill(): void;
  /** It answers within that time, and holds no more than it may. */
  healthy(withinMs: number): Promise<boolean>;
}
