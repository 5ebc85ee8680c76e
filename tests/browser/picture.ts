// Small pictures whose colours are known dot by dot, as a file that people choose (PNG, third edition).
import { crc32, deflateSync } from "node:zlib";

export interface Picture {
  width: number;
  height: number;
  /** Red, green and blue of each dot, line by line. */
  rgb: number[];
}

export function picture(width: number, height: number, colour: (x: number, y: number) => [red: number, green: number, blue: number]): Picture {
  return { width, height, rgb: Array.from({ length: width * height }, (_, at) => colour(at % width, Math.floor(at / width))).flat() };
}

export function png({ width, height, rgb }: Picture): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  // Eight bits a colour, red, green and blue; no palette, no filter of its own, not interlaced.
  head.set([8, 2, 0, 0, 0], 8);
  const lines = Array.from({ length: height }, (_, y) => [0, ...rgb.slice(y * width * 3, (y + 1) * width * 3)]);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", head), chunk("IDAT", deflateSync(Buffer.from(lines.flat()))), chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(kind: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(kind), content]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}
