// Runs in: everywhere. Owns: the hashes by which two ends compare contracts and a half-written state is known. Against mistakes, not
// against forgery.

/** FNV-1a, 64 bits, of the text's UTF-8 bytes, as 16 hexadecimal digits (RFC 9923 §2). */
export function fnv1a64(text: string): string {
  // Offset basis 0xcbf29ce484222325 in two halves; the prime is 2^40 + 0x1b3.
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (const byte of new TextEncoder().encode(text)) {
    low = (low ^ byte) >>> 0;
    const product = low * 0x1b3; // below 2^41: exact
    high = (high * 0x1b3 + Math.floor(product / 0x1_0000_0000) + ((low << 8) >>> 0)) >>> 0;
    low = product >>> 0;
  }
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

/** FNV-1a, 32 bits, of the bytes (RFC 9923 §2). */
export function fnv1a32(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
