import { quoted } from "../api/plain-text.ts";
import { refuse } from "../fetch/refusal.ts";
import type { Reading } from "./byte-source.ts";

/** Above the largest headers in use (200k tokens with merges: 13 MiB). */
export const MAX_HEADER_BYTES = 64 * 2 ** 20;

/** What one header may leave in memory: some 4,500 tensors, twice the most in use. */
const MAX_KEPT_BYTES = 2 * 2 ** 20;

/**
 * A position in a file of which only a window is in memory: what lies before the position is dropped whenever more is
 * asked for. Little-endian. Reads take bytes that `need` made available.
 */
export class Cursor {
  readonly fileBytes: number;
  /** What `subject` names; put into words only where a sentence is made, as most entries never are. */
  private things = "";
  private which: string | number = "";
  private total = 0;
  private window: DataView = new DataView(new ArrayBuffer(0));
  /** File offset of the window's first byte. */
  private start = 0;
  /** Next byte, counted from `start`; beyond the window after a skip. */
  private at = 0;
  private scratch = new Uint8Array();
  private kept = 0;
  private likelyEnd: number | undefined;

  constructor(fileBytes: number) {
    this.fileBytes = fileBytes;
  }

  /** What is being read now, for sentences: `key 3 of 20`, `key "general.name"`. */
  get subject(): string {
    if (typeof this.which === "number") return `${this.things} ${this.which} of ${this.total}`;
    return this.things === "" ? "the preamble" : `${this.things} ${quoted(this.which)}`;
  }

  /** Goes on to entry `index`, from 1, of `total`: its name is not known yet. */
  enter(things: "key" | "tensor", index: number, total: number): void {
    this.things = things;
    this.which = index;
    this.total = total;
  }

  /** Names the entry that is being read. */
  name(name: string): void {
    this.which = name;
  }

  get position(): number {
    return this.start + this.at;
  }

  /** Refuses unless `count` more bytes belong to the file and to a header of sane size. */
  expect(count: number): void {
    const end = this.position + count;
    if (end > this.fileBytes) {
      refuse(`the file ends at byte ${this.fileBytes}, inside ${this.subject}: it is truncated, fetch it again`);
    }
    if (end > MAX_HEADER_BYTES) {
      refuse(`the header is longer than ${MAX_HEADER_BYTES / 2 ** 20} MiB at ${this.subject}: no model needs that`);
    }
  }

  /** Makes the next `count` bytes readable. */
  *need(count: number): Reading<void> {
    this.expect(count);
    if (this.at + count <= this.window.byteLength) return;
    let held = this.holdRest();
    while (held < count) {
      const more = yield { offset: this.start + held, likelyEnd: this.likelyEnd };
      if (more.length === 0) {
        refuse(`the file ends inside ${this.subject}, before the ${this.fileBytes} bytes it is said to have`);
      }
      const bytes = held === 0 && more.length >= count ? more : this.joined(held, more);
      this.window = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      held = bytes.length;
    }
  }

  /** Begins the window at the position: what is left of it moves into the scratch, its memory is the source's again. */
  private holdRest(): number {
    const { buffer, byteOffset, byteLength } = this.window;
    const rest = new Uint8Array(buffer, byteOffset, byteLength).subarray(this.at);
    this.start = this.position;
    this.at = 0;
    this.joined(0, rest);
    return rest.length;
  }

  /** The scratch with more bytes after the `held` ones that it begins with. */
  private joined(held: number, more: Uint8Array): Uint8Array {
    const length = held + more.length;
    if (length > this.scratch.length) {
      const larger = new Uint8Array(2 ** Math.ceil(Math.log2(length)));
      larger.set(this.scratch.subarray(0, held));
      this.scratch = larger;
    }
    this.scratch.set(more, held);
    return this.scratch.subarray(0, length);
  }

  u32(): number {
    this.at += 4;
    return this.window.getUint32(this.at - 4, true);
  }

  u64(): bigint {
    this.at += 8;
    return this.window.getBigUint64(this.at - 8, true);
  }

  /** A value of `bytes` bytes, by the reader that knows its type. */
  scalar<T>(bytes: number, read: (view: DataView, at: number) => T): T {
    this.at += bytes;
    return read(this.window, this.at - bytes);
  }

  text(bytes: number): string {
    this.at += bytes;
    return Buffer.from(this.window.buffer, this.window.byteOffset + this.at - bytes, bytes).toString("utf8");
  }

  /** The next bytes, which are still to be read; good until the next `need`. */
  peek(bytes: number): Uint8Array {
    return new Uint8Array(this.window.buffer, this.window.byteOffset + this.at, bytes);
  }

  /** Steps over bytes without having them read. */
  skip(bytes: number): void {
    this.expect(bytes);
    this.at += bytes;
  }

  /**
   * Steps over `count` strings (64-bit length, then the bytes). Some 10^5 of them make a token table: no value is made,
   * and the loop only leaves a window where a string does. `beyond` tells from their average length, in bytes with its own
   * 8, what of the header is likely to come after them.
   */
  *skipStrings(count: number, beyond: (averageBytes: number) => number): Reading<void> {
    const begin = this.position;
    let left = count;
    while (left > 0) {
      if (left < count) {
        const average = (this.position - begin) / (count - left);
        this.likelyEnd = Math.ceil(this.position + left * average + beyond(average));
      }
      yield* this.need(8);
      left -= this.skipStringsInWindow(left);
    }
    this.expect(0);
  }

  private skipStringsInWindow(count: number): number {
    const { window } = this;
    const lastLength = window.byteLength - 8;
    let at = this.at;
    let done = 0;
    while (done < count && at <= lastLength) {
      if (window.getUint32(at + 4, true) !== 0) refuse(`${this.subject} holds a string of more than 4 GiB`);
      at += 8 + window.getUint32(at, true);
      done += 1;
    }
    this.at = at;
    return done;
  }

  /**
   * A 64-bit count of things of at least `itemBytes` bytes each, as a number: refused unless the rest of the file can
   * hold them.
   */
  count(claimed: bigint, itemBytes: number, things: string): number {
    const room = this.fileBytes - this.position;
    if (claimed * BigInt(itemBytes) > BigInt(room)) {
      refuse(`${this.subject} claims ${claimed} ${things}, but only ${room} bytes of the file are left`);
    }
    return Number(claimed);
  }

  /** Counts what the caller holds on to; a header that would fill memory is refused. */
  keep(bytes: number): void {
    this.kept += bytes;
    if (this.kept > MAX_KEPT_BYTES) {
      refuse(`the header holds more keys, values and tensors than any model has (at ${this.subject})`);
    }
  }
}
