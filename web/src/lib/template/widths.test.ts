import { describe, expect, test } from "vitest";

import type { Json } from "../document/types";
import { LEAST_MM, reach, withBorder } from "./widths";

const columns = (...widths: Array<Json | null>) => widths.map((width, at) => ({ heading: String(at), ...(width === null ? {} : { width }) }));
const moved = (widths: Array<Json | null>, drawn: number[], at: number, by: number) => withBorder(columns(...widths), drawn, at, by).map((column) => ("width" in column ? column["width"] : null));

describe("the border between two columns", () => {
  test("moves as far as both keep room", () => {
    expect(reach([40, 30], 0)).toEqual([LEAST_MM - 40, 30 - LEAST_MM]);
    expect(reach([3, 30], 0)).toEqual([0, 25]);
    expect(moved([40, 30], [40, 30], 0, 500)).toEqual([65, 5]);
    expect(moved([40, 30], [40, 30], 0, -500)).toEqual([5, 65]);
  });

  test("leaves shares shares, in the same sum, and others as wide as they are", () => {
    expect(moved(["2fr", "1fr"], [100, 50], 0, 25)).toEqual(["2.5fr", "0.5fr"]);
    // A column that says nothing has one share.
    expect(moved([null, null, null], [50, 50, 50], 0, 10)).toEqual(["1.2fr", "0.8fr", "1fr"]);
  });

  test("between a length and a share changes both, and shares as the room does", () => {
    expect(moved([30, "1fr", "1fr"], [30, 60, 60], 0, 20)).toEqual([50, "0.8fr", "1.2fr"]);
  });

  test("between two lengths leaves shares alone", () => {
    expect(moved([30, 40, "1fr"], [30, 40, 80], 0, 5.2)).toEqual([35, 35, "1fr"]);
  });

  test("gives what was as wide as its content the width that it is given", () => {
    expect(moved(["auto", "1fr"], [22.4, 80], 0, 10)).toEqual([32.5, "1fr"]);
    expect(moved(["auto", "auto", "1fr"], [22, 20, 80], 1, 4)).toEqual(["auto", 24, "1fr"]);
  });

  test("makes lengths that gave way say what is drawn", () => {
    // All lengths, stretched over the whole table.
    expect(moved([20, 20, 20], [60, 60, 60], 0, 10)).toEqual([70, 50, 60]);
  });

  test("keeps all that a column says besides", () => {
    expect(withBorder([{ heading: "A", align: "end", width: 30 }, { value: "{{ b }}" }], [30, 70], 0, 0)).toEqual([
      { heading: "A", align: "end", width: 30 }, { value: "{{ b }}", width: "1fr" },
    ]);
  });
});
