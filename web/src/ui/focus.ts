/* Where the focus goes when what had it is gone: nobody who came by keyboard begins at the top again. */
import { type RefObject, useLayoutEffect } from "react";

/** Once the screen is without what had the focus: to `before` if it is still there, else to the content of the page. */
function moveOn(before: Element | null): void {
  setTimeout(() => {
    const here = document.activeElement;
    if (here !== null && here !== document.body) return;
    const there = before instanceof HTMLElement && before !== document.body && before.isConnected;
    const place = there ? before : document.querySelector("main");
    place?.focus({ preventScroll: true });
  }, 0);
}

/**
 * For what is there only while it is open, such as a dialog: back to what had the focus before, or to `button` where that
 * goes too, as the item of a menu does.
 */
export function useFocusBack(button?: RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => {
    const before = button?.current ?? document.activeElement;
    return () => moveOn(before);
  }, [button]);
}

/** For a button that its own press can take away. */
export function useFocusOn(): void {
  useLayoutEffect(() => () => moveOn(null), []);
}
