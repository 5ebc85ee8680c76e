/* A name that is changed where it stands: Enter, or leaving it, keeps what is typed, and Escape does not. */
import { useRef, useState } from "react";

interface Props {
  name: string;
  label: string;
  className?: string;
  /** Rejects where it could not be kept: what is typed stays then. */
  keep: (name: string) => Promise<unknown>;
  /** It is there only while it is typed in: this ends it. */
  onEnd?: () => void;
}

/** Longest name that the server takes. */
const MOST = 200;

export function NameInput({ name, label, className, keep, onEnd }: Props) {
  const [typed, setTyped] = useState<string | null>(null);
  // Enter and leaving are two events of one end.
  const sending = useRef(false);
  const end = () => {
    setTyped(null);
    onEnd?.();
  };
  const finish = async () => {
    const next = typed?.trim() ?? "";
    if (sending.current) return;
    if (next === "" || next === name) return end();
    sending.current = true;
    await keep(next).then(end, () => undefined);
    sending.current = false;
  };
  const shown = typed ?? name;
  return (
    <input
      className={className} aria-label={label} value={shown} maxLength={MOST} size={Math.max(8, Math.min(34, shown.length))}
      autoFocus={onEnd !== undefined} onFocus={(event) => onEnd && event.currentTarget.select()}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onBlur={() => void finish()}
      onKeyDown={(event) => {
        // The first Enter of somebody who writes Chinese chooses a word.
        if (event.key === "Enter" && !event.nativeEvent.isComposing) void finish();
        else if (event.key === "Escape") end();
        else return;
        event.stopPropagation();
      }}
    />
  );
}
