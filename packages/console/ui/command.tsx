// Runs in: browser. Owns: a command for a terminal, and the way to copy it.
import { useEffect, useState } from "preact/hooks";

const COPIED_MS = 2000;

export function Command({ text }: { text: string }) {
  const [said, say] = useState("Copy");
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => say("Copied"),
      () => say("Not copied: the browser does not allow it"),
    );
  useEffect(() => {
    const timer = setTimeout(() => say("Copy"), COPIED_MS);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <>
      <code>{text}</code>{" "}
      <button type="button" onClick={() => void copy()}>
        {said}
      </button>
    </>
  );
}
