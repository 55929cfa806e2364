// Runs in: browser. Owns: how often what changes all the while is drawn anew: as it comes, or, for who wants little to move, once a second; and never while it is held.
import { useEffect, useRef, useState } from "preact/hooks";

const SLOW_MS = 1000;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export function useStill<T>(now: T, isHeld: boolean): T {
  const shown = useRef(now);
  const drawnMs = useRef(0);
  const [isSlow, become] = useState(calm.matches);
  const [, draw] = useState(0);
  useEffect(() => {
    const changed = () => become(calm.matches);
    calm.addEventListener("change", changed);
    return () => calm.removeEventListener("change", changed);
  }, []);
  useEffect(() => {
    if (isHeld || !isSlow) return;
    const each = setInterval(() => draw((times) => times + 1), SLOW_MS);
    return () => clearInterval(each);
  }, [isHeld, isSlow]);
  const isTime = !isSlow || performance.now() - drawnMs.current >= SLOW_MS;
  if (!isHeld && isTime) {
    shown.current = now;
    drawnMs.current = performance.now();
  }
  return shown.current;
}
