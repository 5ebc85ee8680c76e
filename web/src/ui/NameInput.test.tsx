import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { NameInput } from "./NameInput";

afterEach(cleanup);

function show(keep: (name: string) => Promise<unknown>, onEnd?: () => void): HTMLInputElement {
  render(<NameInput name="Letter" label="Name" keep={keep} onEnd={onEnd} />);
  return screen.getByLabelText<HTMLInputElement>("Name");
}

test("Enter keeps what is typed, once, though the field is left afterwards", async () => {
  const keep = vi.fn(() => Promise.resolve());
  const end = vi.fn();
  const input = show(keep, end);
  fireEvent.change(input, { target: { value: "  Offer " } });
  fireEvent.keyDown(input, { key: "Enter" });
  fireEvent.blur(input);
  await waitFor(() => expect(end).toHaveBeenCalledOnce());
  expect(keep.mock.calls).toEqual([["Offer"]]);
});

test("Escape, no name and the same name change nothing", () => {
  const keep = vi.fn(() => Promise.resolve());
  const end = vi.fn();
  const input = show(keep, end);
  fireEvent.change(input, { target: { value: "Offer" } });
  fireEvent.keyDown(input, { key: "Escape" });
  for (const value of [" ", "Letter "]) {
    fireEvent.change(input, { target: { value } });
    fireEvent.blur(input);
  }
  expect(keep).not.toHaveBeenCalled();
  expect(end).toHaveBeenCalledTimes(3);
  expect(input.value).toBe("Letter");
});

test("what could not be kept stays typed", async () => {
  const keep = vi.fn(() => Promise.reject(new Error("offline")));
  const end = vi.fn();
  const input = show(keep, end);
  fireEvent.change(input, { target: { value: "Offer" } });
  fireEvent.blur(input);
  await waitFor(() => expect(keep).toHaveBeenCalledOnce());
  expect(input.value).toBe("Offer");
  expect(end).not.toHaveBeenCalled();
  fireEvent.keyDown(input, { key: "Enter" });
  await waitFor(() => expect(keep).toHaveBeenCalledTimes(2));
});
