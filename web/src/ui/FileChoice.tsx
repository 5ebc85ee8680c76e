/* A button that lets somebody choose a file, also the same one again after it was changed. */
import { FileButton } from "@mantine/core";
import { type ComponentPropsWithoutRef, useRef } from "react";

interface Props {
  accept: string;
  onChoose: (file: File) => void;
  children: ComponentPropsWithoutRef<typeof FileButton>["children"];
}

export function FileChoice({ accept, onChoose, children }: Props) {
  const reset = useRef<() => void>(null);
  const choose = (file: File | null) => {
    if (file === null) return;
    // A browser tells nothing of a file that was chosen before.
    reset.current?.();
    onChoose(file);
  };
  return <FileButton accept={accept} resetRef={reset} onChange={choose}>{children}</FileButton>;
}
