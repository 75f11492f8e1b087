import { closingQuote, type StringPlace } from "./json-string.ts";
import {
  type BodyScanner,
  bodyScanner,
  EMPTY_MODEL,
  type Found,
  LONG_MODEL,
  MAX_MODEL_BYTES,
  twice,
} from "./scan-state.ts";

/** Deeper nesting is refused. */
export const MAX_DEPTH = 512;

/** What may come next. */
const START = 0;
const FIRST_KEY = 1;
const KEY = 2;
const COLON = 3;
const FIRST_VALUE = 4;
const VALUE = 5;
const COMMA = 6;
const DONE = 7;
const STRING = 8;
const SCALAR = 9;

/** What a string or scalar is for. */
const SKIPPED = 0;
const A_KEY = 1;
const MODEL = 2;
const STREAM = 3;

const OBJECT = 1;
const ARRAY = 2;

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** Bytes that numbers, `true`, `false` and `null` are made of, and white space. */
const IN_SCALAR = bytesOf("+-.0123456789abcdefghijklmnopqrstuvwxyzE");
const WHITE = bytesOf(" \t\r\n");

function bytesOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of Buffer.from(characters)) table[byte] = 1;
  return table;
}

interface Place extends StringPlace, Found {
  /** One of the above. */
  next: number;
  /** What the string, the scalar or the value that comes next is for. */
  role: number;
  /** Containers that are open. */
  depth: number;
  readonly containers: Uint8Array;
  /** Bytes of a byte order mark that were seen; 3 once the first other byte was. */
  mark: number;
  /** Raw bytes of a string or scalar that matters. `keptLength` counts on when they are too many. */
  readonly kept: Buffer;
  keptLength: number;
}

/**
 * Scans a JSON object of any size. Its keys may stand in any order and be spelled with escapes. Brackets, commas and colons are
 * checked; numbers and what stands in other strings are left to the server.
 */
export function jsonScanner(): BodyScanner {
  const place: Place = {
    next: START,
    role: SKIPPED,
    depth: 0,
    containers: new Uint8Array(MAX_DEPTH),
    mark: 0,
    escaped: false,
    afterString: COMMA,
    kept: Buffer.alloc(MAX_MODEL_BYTES),
    keptLength: 0,
    model: undefined,
    stream: undefined,
    problem: undefined,
  };
  return bodyScanner(place, scan, unfinished);
}

function unfinished({ next }: Place): string | undefined {
  if (next === START) return 'the body is empty: send a JSON object with "model"';
  return next === DONE ? undefined : "the body ends before its JSON object does: send all of it";
}

function scan(place: Place, chunk: Buffer): void {
  let at = place.mark < BOM.length ? afterMark(place, chunk) : 0;
  while (at < chunk.length && place.problem === undefined) {
    if (place.next === STRING) at = scanString(place, chunk, at);
    else if (place.next === SCALAR) at = scanScalar(place, chunk, at);
    else at = scanStructure(place, chunk, at);
  }
}

function afterMark(place: Place, chunk: Buffer): number {
  let at = 0;
  while (at < chunk.length && place.mark < BOM.length && chunk[at] === BOM[place.mark]) {
    at += 1;
    place.mark += 1;
  }
  if (at === chunk.length) return at;
  if (place.mark === 1 || place.mark === 2) place.problem = NO_OBJECT;
  place.mark = BOM.length;
  return at;
}

const NO_OBJECT = 'the body is no JSON object: send one that begins with "{"';
const GOES_ON = "the body goes on after its JSON object: send nothing but one object";
const BROKEN = "the body is not valid JSON: check its quotes, commas and brackets";

/** Reads up to the next string or scalar. */
function scanStructure(place: Place, chunk: Buffer, from: number): number {
  let at = from;
  while (at < chunk.length) {
    const byte = chunk[at] ?? 0;
    at += 1;
    if (WHITE[byte] === 1) continue;
    if (IN_SCALAR[byte] === 1) {
      beginScalar(place);
      return at - 1;
    }
    punctuate(place, byte);
    if (place.next === STRING || place.problem !== undefined) return at;
  }
  return at;
}

function punctuate(place: Place, byte: number): void {
  const { next } = place;
  if (next === START && byte !== 0x7b) place.problem = NO_OBJECT;
  else if (next === DONE) place.problem = GOES_ON;
  else if (byte === 0x22) beginString(place);
  else if (byte === 0x2c && next === COMMA) place.next = isIn(place, OBJECT) ? KEY : VALUE;
  else if (byte === 0x3a && next === COLON) place.next = VALUE;
  else if (byte === 0x7b) open(place, OBJECT);
  else if (byte === 0x5b) open(place, ARRAY);
  else if (byte === 0x7d && (next === COMMA || next === FIRST_KEY) && isIn(place, OBJECT)) close(place);
  else if (byte === 0x5d && (next === COMMA || next === FIRST_VALUE) && isIn(place, ARRAY)) close(place);
  else place.problem = BROKEN;
}

function isIn({ containers, depth }: Place, kind: number): boolean {
  return containers[depth - 1] === kind;
}

function isValueNext({ next }: Place): boolean {
  return next === VALUE || next === FIRST_VALUE;
}

function open(place: Place, kind: number): void {
  if (place.next !== START && !isValueNext(place)) place.problem = BROKEN;
  else if (place.role !== SKIPPED) place.problem = wrongType(place.role);
  else if (place.depth === MAX_DEPTH) place.problem = `the body is nested more than ${MAX_DEPTH} levels deep`;
  else {
    place.containers[place.depth] = kind;
    place.depth += 1;
    place.next = kind === OBJECT ? FIRST_KEY : FIRST_VALUE;
  }
}

function close(place: Place): void {
  place.depth -= 1;
  place.next = place.depth === 0 ? DONE : COMMA;
}

function beginString(place: Place): void {
  const isKey = place.next === KEY || place.next === FIRST_KEY;
  if (!isKey && !isValueNext(place)) place.problem = BROKEN;
  else if (place.role === STREAM) place.problem = wrongType(STREAM);
  else if (isKey && place.depth === 1) place.role = A_KEY;
  place.afterString = isKey ? COLON : COMMA;
  place.next = STRING;
  place.keptLength = 0;
}

function beginScalar(place: Place): void {
  if (place.next === START) place.problem = NO_OBJECT;
  else if (place.next === DONE) place.problem = GOES_ON;
  else if (!isValueNext(place)) place.problem = BROKEN;
  else if (place.role === MODEL) place.problem = wrongType(MODEL);
  place.next = SCALAR;
  place.keptLength = 0;
}

function scanString(place: Place, chunk: Buffer, from: number): number {
  const quote = closingQuote(place, chunk, from);
  const to = quote < 0 ? chunk.length : quote;
  if (place.role !== SKIPPED) keep(place, chunk, from, to);
  if (quote < 0) return to;
  place.next = place.afterString;
  if (place.role === A_KEY) endKey(place);
  else if (place.role === MODEL) endModel(place);
  return to + 1;
}

function scanScalar(place: Place, chunk: Buffer, from: number): number {
  const to = isIn(place, ARRAY) ? endOfScalars(chunk, from) : endOfScalar(chunk, from);
  if (place.role === STREAM) keep(place, chunk, from, to);
  if (to === chunk.length) return to;
  place.next = COMMA;
  if (place.role === STREAM) endStream(place);
  return to;
}

function endOfScalar(chunk: Buffer, from: number): number {
  let to = from;
  while (to < chunk.length && IN_SCALAR[chunk[to] ?? 0] === 1) to += 1;
  return to;
}

/** The end of the last of several with nothing but commas between them: tokens may come as an array of a million numbers. */
function endOfScalars(chunk: Buffer, from: number): number {
  let to = endOfScalar(chunk, from);
  while (to + 1 < chunk.length && chunk[to] === 0x2c && IN_SCALAR[chunk[to + 1] ?? 0] === 1) {
    to = endOfScalar(chunk, to + 1);
  }
  return to;
}

function keep(place: Place, chunk: Buffer, from: number, to: number): void {
  if (place.keptLength < place.kept.length) chunk.copy(place.kept, place.keptLength, from, to);
  place.keptLength += to - from;
}

/** What was kept, as the client spells it; undefined where there was more than is kept. */
function keptText({ kept, keptLength }: Place): string | undefined {
  return keptLength > kept.length ? undefined : kept.toString("utf8", 0, keptLength);
}

function endKey(place: Place): void {
  place.role = SKIPPED;
  const raw = keptText(place);
  if (raw === undefined) return;
  const name = unescaped(raw);
  if (name === undefined) place.problem = BROKEN;
  else if (name === "model") expectOnce(place, MODEL, place.model);
  else if (name === "stream") expectOnce(place, STREAM, place.stream);
}

function expectOnce(place: Place, role: number, earlier: unknown): void {
  if (earlier === undefined) place.role = role;
  else place.problem = twice(role === MODEL ? "model" : "stream");
}

function endModel(place: Place): void {
  place.role = SKIPPED;
  const raw = keptText(place);
  const model = raw === undefined ? undefined : unescaped(raw);
  if (raw === undefined) place.problem = LONG_MODEL;
  else if (model === undefined) place.problem = BROKEN;
  else if (model === "") place.problem = EMPTY_MODEL;
  else place.model = model;
}

function endStream(place: Place): void {
  place.role = SKIPPED;
  const word = keptText(place);
  if (word === "true" || word === "false" || word === "null") place.stream = word === "true";
  else place.problem = wrongType(STREAM);
}

/** Undefined where an escape is none that JSON has. */
function unescaped(raw: string): string | undefined {
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    return undefined;
  }
}

function wrongType(role: number): string {
  return role === MODEL
    ? '"model" in the body is no text: give it the name of a model, in quotes'
    : '"stream" in the body is neither true nor false: give it one of them';
}
