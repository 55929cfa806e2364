// Runs in: browser. Owns: how often what changes all the while is drawn anew: as it comes, or, for who wants little to move, once a second; and never while it is held.
import { useEffect, useRef, useState } from "preact/hooks";

const SLOW_MS = 1000;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export function useStill<T>(now: T, isHeld: boolean): T {
  const latest = useRef(now);
  latest.current = now;
  const [shown, show] = useState(now);
  const [isSlow, become] = useState(calm.matches);
  useEffect(() => {
    const changed = () => become(calm.matches);
    calm.addEventListener("change", changed);
    return () => calm.removeEventListener("change", changed);
  }, []);
  useEffect(() => {
    show(latest.current);
    if (isHeld || !isSlow) return;
    const each = setInterval(() => show(latest.current), SLOW_MS);
    return () => clearInterval(each);
  }, [isHeld, isSlow]);
  return isHeld || isSlow ? shown : now;
}
