import { createTheme, type CSSVariablesResolver, type MantineColorsTuple, rem } from "@mantine/core";

const ink: MantineColorsTuple = [
  "#EEF1FD",
  "#DCE2FB",
  "#C3CCF6",
  "#A0AEF0",
  "#7A8CE8",
  "#4A63EA",
  "#3A53D2",
  "#2B47C9",
  "#2139A8",
  "#182A7E",
];

const field = { defaultProps: { size: "sm", radius: "sm" } };

/**
 * Mantine drawn with our tokens: sizes and radii are set here once, never at a use. The parts are named by string,
 * because importing them would load all of them with the first screen.
 */
export const theme = createTheme({
  primaryColor: "ink",
  primaryShade: { light: 7, dark: 5 },
  colors: { ink },
  fontFamily: "var(--font-ui)",
  fontFamilyMonospace: "var(--font-code)",
  fontSizes: { xs: rem(12), sm: rem(13), md: rem(13), lg: rem(15), xl: rem(20) },
  lineHeights: { xs: "16px", sm: "20px", md: "20px", lg: "20px", xl: "28px" },
  radius: { xs: rem(5), sm: rem(7), md: rem(10), lg: rem(12), xl: rem(16) },
  spacing: { xs: rem(6), sm: rem(8), md: rem(16), lg: rem(24), xl: rem(32) },
  defaultRadius: "sm",
  cursorType: "pointer",
  focusRing: "auto",
  respectReducedMotion: true,
  headings: { fontWeight: "600" },
  components: {
    Button: {
      defaultProps: { size: "sm", radius: "sm" },
      vars: (_theme: unknown, props: { size?: string }) => ({
        root: {
          "--button-height": props.size === "xs" ? rem(28) : props.size === "lg" ? rem(44) : rem(32),
          "--button-padding-x": props.size === "xs" ? rem(10) : rem(12),
          "--button-fz": rem(13),
        },
      }),
    },
    ActionIcon: { defaultProps: { variant: "subtle", color: "gray", size: 28, radius: "sm" } },
    TextInput: field,
    NumberInput: field,
    PasswordInput: field,
    Textarea: field,
    Select: { defaultProps: { size: "sm", radius: "sm", checkIconPosition: "right", comboboxProps: { shadow: "sm" } } },
    Input: { defaultProps: { size: "sm", radius: "sm" } },
    Checkbox: { defaultProps: { size: "xs", radius: "xs" } },
    Switch: { defaultProps: { size: "sm" } },
    SegmentedControl: { defaultProps: { size: "sm", radius: "sm" } },
    // The first item gets the focus; a placeholder for it would be no part of a menu.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false, shadow: "sm", radius: "md", position: "bottom-end", withinPortal: true, transitionProps: { duration: 120 } } },
    Popover: { defaultProps: { shadow: "sm", radius: "md", transitionProps: { duration: 120 } } },
    Modal: { defaultProps: { radius: "md", centered: true, transitionProps: { duration: 180 } } },
    Tooltip: { defaultProps: { openDelay: 300, radius: "sm", withArrow: false } },
    Tabs: { defaultProps: { keepMounted: false } },
  },
});

const variables = {
  "--mantine-color-body": "var(--bg)",
  "--mantine-color-text": "var(--text)",
  "--mantine-color-dimmed": "var(--text3)",
  "--mantine-color-default": "var(--surface)",
  "--mantine-color-default-hover": "var(--bg)",
  "--mantine-color-default-color": "var(--text)",
  "--mantine-color-default-border": "var(--line2)",
  "--mantine-color-error": "var(--err)",
  "--mantine-color-placeholder": "var(--text3)",
  "--mantine-color-anchor": "var(--accent-text)",
  // White letters stand on it, in both schemes.
  "--mantine-color-red-filled": "#C0272D",
  "--mantine-color-red-filled-hover": "#A31F25",
  "--mantine-color-ink-filled": "var(--accent)",
  "--mantine-color-ink-filled-hover": "var(--accent-hover)",
  "--mantine-color-ink-text": "var(--accent-text)",
  "--mantine-color-ink-light": "var(--accent-soft)",
  "--mantine-color-ink-light-hover": "var(--accent-soft)",
  "--mantine-color-ink-light-color": "var(--accent-text)",
  "--mantine-color-gray-text": "var(--text2)",
  "--mantine-color-gray-light-hover": "var(--sunken)",
  "--mantine-color-gray-light-color": "var(--text2)",
  "--mantine-color-red-text": "var(--err)",
  "--mantine-shadow-xs": "var(--sh1)",
  "--mantine-shadow-sm": "var(--sh3)",
  "--mantine-shadow-md": "var(--sh3)",
};

export const cssVariables: CSSVariablesResolver = () => ({ variables, light: variables, dark: variables });

/** The nonce of this answer's content security policy, written into the page by the server. */
export function styleNonce(): string {
  const meta = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]');
  return meta?.nonce || meta?.getAttribute("nonce") || "";
}
