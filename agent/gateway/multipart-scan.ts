import { type DispositionName, formFieldOf } from "./multipart-header.ts";
import {
  type BodyScanner,
  bodyScanner,
  EMPTY_MODEL,
  type Found,
  LONG_MODEL,
  MAX_MODEL_BYTES,
  twice,
} from "./scan-state.ts";

/** Of one part, in bytes. */
export const MAX_HEADER_BYTES = 16_384;
/** A form of audio and options has a dozen. */
export const MAX_PARTS = 1000;

type Step =
  /** Before the first boundary. */
  | "preamble"
  /** Right after a boundary: a line break begins a part, two hyphens end the form. */
  | "boundary"
  | "header"
  | "content"
  | "done";

interface Place extends Found {
  /** `\r\n--boundary`. */
  readonly delimiter: Buffer;
  step: Step;
  /** Bytes that could not be told yet: less than a delimiter, or a header that goes on. */
  rest: Buffer;
  parts: number;
  field: DispositionName;
  /** Content of the field so far; `valueLength` counts on when it is too long. */
  value: Buffer[];
  valueLength: number;
}

/**
 * Scans multipart/form-data for the fields `model` and `stream`; files are passed over. It is no stream of parts as the packages for forms
 * are: it must answer within the call that brings the bytes.
 */
export function multipartScanner(boundary: string): BodyScanner {
  const place: Place = {
    delimiter: Buffer.from(`\r\n--${boundary}`, "latin1"),
    step: "preamble",
    // The first boundary may stand at the very beginning.
    rest: Buffer.from("\r\n"),
    parts: 0,
    field: undefined,
    value: [],
    valueLength: 0,
    model: undefined,
    stream: undefined,
    problem: undefined,
  };
  return bodyScanner(place, scan, ({ step }) => (step === "done" ? undefined : CUT));
}

const CUT = "the body ends before its form does: send all of it, up to the last boundary";
const BROKEN = "the body is not valid multipart/form-data: check its boundary and the headers of its parts";

function scan(place: Place, chunk: Buffer): void {
  let bytes: Buffer = place.rest.length === 0 ? chunk : Buffer.concat([place.rest, chunk]);
  place.rest = NOTHING;
  while (place.problem === undefined && place.step !== "done") {
    const rest = STEPS[place.step](place, bytes);
    if (rest === undefined) return;
    bytes = rest;
  }
}

const NOTHING = Buffer.alloc(0);

/** Each takes a step, and answers with the bytes after it; undefined where it needs more, and has kept what it could not tell. */
const STEPS: Readonly<Record<Exclude<Step, "done">, (place: Place, bytes: Buffer) => Buffer | undefined>> = {
  preamble: upToDelimiter,
  content: upToDelimiter,
  boundary: (place, bytes) => {
    // Some pad the line of the boundary.
    let at = 0;
    while (bytes[at] === 0x20 || bytes[at] === 0x09) at += 1;
    if (at > MAX_PADDING) place.problem = BROKEN;
    else if (bytes.length < at + 2) place.rest = bytes;
    else if (bytes.toString("latin1", at, at + 2) === "--") place.step = "done";
    else if (bytes.toString("latin1", at, at + 2) !== "\r\n") place.problem = BROKEN;
    else return beginPart(place, bytes.subarray(at));
    return undefined;
  },
  header: (place, bytes) => {
    // A part without headers has its empty line at once.
    const end = bytes.indexOf("\r\n\r\n");
    if ((end < 0 ? bytes.length : end) > MAX_HEADER_BYTES) {
      place.problem = `a part of the form has more than ${MAX_HEADER_BYTES} bytes of headers`;
    } else if (end < 0) place.rest = bytes;
    else return beginContent(place, bytes.toString("utf8", 0, end), bytes.subarray(end + 2));
    return undefined;
  },
};

const MAX_PADDING = 256;

/** @param bytes begin with the line break after the boundary */
function beginPart(place: Place, bytes: Buffer): Buffer {
  place.parts += 1;
  if (place.parts > MAX_PARTS) place.problem = `the form has more than ${MAX_PARTS} parts`;
  place.step = "header";
  return bytes;
}

/** @param bytes begin with the line break before the content, which is that of a boundary where there is no content */
function beginContent(place: Place, header: string, bytes: Buffer): Buffer {
  const field = formFieldOf(header);
  if (!field.ok) place.problem = field.error;
  else {
    place.field = field.value;
    const earlier = field.value === "model" ? place.model : field.value === "stream" ? place.stream : undefined;
    if (earlier !== undefined && field.value !== undefined) place.problem = twice(field.value);
  }
  place.value = [];
  // The line break before it is counted out at the end.
  place.valueLength = 0;
  place.step = "content";
  return bytes;
}

function upToDelimiter(place: Place, bytes: Buffer): Buffer | undefined {
  const { delimiter } = place;
  const found = bytes.indexOf(delimiter);
  const to = found < 0 ? Math.max(0, bytes.length - delimiter.length + 1) : found;
  if (place.field !== undefined) keep(place, bytes.subarray(0, to));
  if (found < 0) {
    // A copy, so that it does not hold the whole chunk.
    place.rest = Buffer.from(bytes.subarray(to));
    return undefined;
  }
  if (place.step === "content") endContent(place);
  place.step = "boundary";
  return bytes.subarray(found + delimiter.length);
}

const LINE_BREAK = 2;

function keep(place: Place, bytes: Buffer): void {
  place.valueLength += bytes.length;
  if (place.valueLength <= MAX_MODEL_BYTES + LINE_BREAK) place.value.push(Buffer.from(bytes));
}

function endContent(place: Place): void {
  const { field, value, valueLength } = place;
  place.field = undefined;
  if (field === undefined) return;
  const isLong = valueLength > MAX_MODEL_BYTES + LINE_BREAK;
  const text = isLong ? undefined : Buffer.concat(value).toString("utf8").slice(LINE_BREAK);
  if (field === "stream") endStream(place, text);
  else if (text === undefined) place.problem = LONG_MODEL;
  else if (text === "") place.problem = EMPTY_MODEL;
  else place.model = text;
}

function endStream(place: Place, text: string | undefined): void {
  if (text === "true" || text === "false") place.stream = text === "true";
  else place.problem = 'the field "stream" of the form is neither true nor false: give it one of them';
}
