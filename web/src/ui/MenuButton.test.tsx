import { MantineProvider, Menu } from "@mantine/core";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { theme } from "~/theme/theme";
import { MenuButton } from "./MenuButton";

afterEach(cleanup);

test("a menu that is fetched opens at its button, says so, and gives the focus back", async () => {
  const chosen = vi.fn();
  render(
    <MantineProvider theme={theme} env="test">
      <MenuButton load={() => Promise.resolve()} items={<Menu.Item onClick={chosen}>Open</Menu.Item>}>
        {(props) => <button type="button" {...props}>Do</button>}
      </MenuButton>
    </MantineProvider>,
  );
  const button = screen.getByRole("button", { name: "Do" });
  expect(button.getAttribute("aria-expanded")).toBe("false");
  button.focus();
  fireEvent.click(button);
  const menu = await screen.findByRole("menu", { name: "Do" });
  expect(button.getAttribute("aria-expanded")).toBe("true");
  expect(button.getAttribute("aria-controls")).toBe(menu.id);
  await waitFor(() => expect(menu.contains(document.activeElement)).toBe(true));
  fireEvent.click(screen.getByRole("menuitem", { name: "Open" }));
  expect(chosen).toHaveBeenCalledOnce();
  await waitFor(() => expect(screen.queryByRole("menu")).toBeNull());
  await waitFor(() => expect(document.activeElement).toBe(button));
  fireEvent.click(button);
  await screen.findByRole("menu");
  fireEvent.click(button);
  await waitFor(() => expect(screen.queryByRole("menu")).toBeNull());
});
