// An icon for each kind of block and for the places that hold blocks.

import {
  AlignLeft, Barcode, Box, CalendarDays, ChartColumn, Columns2, Columns3, FileText, FoldVertical, Heading, Image, Minus, PanelBottom, PanelTop, QrCode, Repeat, Rows2,
  Percent, Pilcrow, Receipt, SeparatorHorizontal, Sigma, Signature, Split, Square, StretchVertical, Table,
} from "lucide-react";
import type { LucideIcon } from "lucide-react";

const ICONS: Record<string, LucideIcon> = {
  heading: Heading, text: AlignLeft, markdown: Pilcrow, image: Image, columns: Columns2, box: Square, table: Table, tax_table: Percent, key_value: Rows2, totals: Sigma, qr: QrCode,
  plan: CalendarDays, swiss_bill: Receipt, barcode: Barcode, signature: Signature, chart: ChartColumn, rule: Minus, spacer: StretchVertical, page_break: SeparatorHorizontal,
  keep_together: FoldVertical, repeat: Repeat, if: Split,
  header: PanelTop, header_first: PanelTop, footer: PanelBottom, footer_first: PanelBottom, body: FileText, column: Columns3, otherwise: Split,
};

export function BlockIcon({ name, size = 15 }: { name: string; size?: number }) {
  const Shape = ICONS[name] ?? Box;
  return <Shape size={size} strokeWidth={1.75} aria-hidden />;
}
