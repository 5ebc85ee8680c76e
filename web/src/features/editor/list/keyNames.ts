// Keys of the step list, as they are printed on keyboards.

export const KEYS = { add: "A", duplicate: "D", up: "Alt ↑", down: "Alt ↓", remove: "Del" };
