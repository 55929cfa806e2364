// Runs in: client and driver host. Owns: where each word of a channel's two memories lies. Pure.

import type { Contract } from "@ring3/core/contract";

/** One descriptor: 16 little-endian u32 words, one cache line. */
export const DESCRIPTOR_WORDS = 16;
/** First of the ten words (40 bytes) of a descriptor that carry the operation's struct. */
export const INLINE_WORD = 6;

/** Word indices inside a submission. */
export const SUBMISSION = {
  generation: 0,
  operation: 1,
  tag: 2,
  sequence: 3,
  length: 4,
  deadlineMs: 5,
} as const;
/** Word indices inside a completion. `outcome` is the error's kind code in the low half (0: ok), its errno in the high half. */
export const COMPLETION = {
  generation: 0,
  operation: 1,
  tag: 2,
  sequence: 3,
  length: 4,
  outcome: 5,
} as const;
/** Word indices inside an event. `dropped` counts the events lost since the last one that arrived. */
export const EVENT = { generation: 0, event: 1, dropped: 2 } as const;

/** Operation number of "cancel the request of this tag and sequence"; contracts number theirs from 1. */
export const CANCEL = 0;

const CACHE_LINE_WORDS = 16;
const PAGE = 4096;
/** A reader may be away for 32 ms while 8,000 events a second come, one for each report of a USB device of high speed at its fastest. */
const EVENT_ENTRIES = 256;

/** The control page of each memory: every counter on a cache line of its own, written by that memory's owner only. */
export const CLIENT_WORDS = {
  submissionHead: CACHE_LINE_WORDS,
  completionTail: CACHE_LINE_WORDS * 2,
  eventTail: CACHE_LINE_WORDS * 3,
  parked: CACHE_LINE_WORDS * 4,
} as const;
export const DRIVER_WORDS = {
  completionHead: CACHE_LINE_WORDS,
  eventHead: CACHE_LINE_WORDS * 2,
  submissionTail: CACHE_LINE_WORDS * 3,
  parked: CACHE_LINE_WORDS * 4,
} as const;

export interface Ring {
  /** Word offset of the first entry. */
  readonly entries: number;
  /** How many entries; a power of two. */
  readonly size: number;
}

export interface ChannelLayout {
  readonly slots: number;
  readonly slotBytes: number;
  readonly client: { readonly submissions: Ring; readonly dataOffset: number; readonly size: number };
  readonly driver: {
    readonly completions: Ring;
    readonly events: Ring;
    readonly dataOffset: number;
    readonly size: number;
  };
}

/**
 * Both memories of a channel, in bytes and words. The submission ring holds two entries a slot: each tag has at most
 * one request under way, and cancels may fill only the other half, so a submission always finds room.
 */
export function layoutOf(contract: Contract): ChannelLayout {
  const { slots, slotBytes } = contract;
  const submissions: Ring = { entries: PAGE / 4, size: slots * 2 };
  const completions: Ring = { entries: PAGE / 4, size: slots };
  const events: Ring = {
    entries: completions.entries + completions.size * DESCRIPTOR_WORDS,
    size: EVENT_ENTRIES,
  };
  const clientData = pageAligned((submissions.entries + submissions.size * DESCRIPTOR_WORDS) * 4);
  const driverData = pageAligned((events.entries + events.size * DESCRIPTOR_WORDS) * 4);
  const dataBytes = pageAligned(slots * slotBytes);
  return {
    slots,
    slotBytes,
    client: { submissions, dataOffset: clientData, size: clientData + dataBytes },
    driver: { completions, events, dataOffset: driverData, size: driverData + dataBytes },
  };
}

function pageAligned(bytes: number): number {
  return Math.ceil(bytes / PAGE) * PAGE;
}
