import { errorCode } from "../api/error-code.ts";
import { type Failure, type FailureKind, fail } from "../api/result.ts";
import { type AnswerHeaders, retryAfterMs } from "./retry-after.ts";

/**
 * Raised where input or an answer is bad; its message is one clause for a person, without the source's name.
 * `failureOf` turns it into a `Failure`: it never leaves the functions that read headers and download files.
 */
export class Refusal extends Error {
  readonly kind: FailureKind;
  /** What the server asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(clause: string, kind: FailureKind = "invalid", retryAfterMs?: number) {
    super(clause);
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A failure that another try within seconds may not meet: a busy server, a dropped connection. */
export class TransientRefusal extends Refusal {
  constructor(clause: string, kind: "unreachable" | "throttled" = "unreachable", retryAfterMs?: number) {
    super(clause, kind, retryAfterMs);
  }
}

/** Two answers may be of two versions of a file: nothing tells. One answer for all of it is of one version. */
export class UntoldVersion extends Refusal {}

export function refuse(clause: string, kind?: FailureKind): never {
  throw new Refusal(clause, kind);
}

export function failureOf({ message, kind, retryAfterMs }: Refusal): Failure {
  return fail(message, kind, retryAfterMs);
}

/** What an error status means for the person who named the source. `host`: who answered. */
export function statusRefusal(status: number, headers: AnswerHeaders, host: string): Refusal {
  const wait = retryAfterMs(headers, Date.now(), status);
  if (status === 429 || (status === 403 && wait !== undefined)) {
    return new TransientRefusal(`${host} answers ${status}`, "throttled", wait);
  }
  if (status === 408 || status >= 500) return new TransientRefusal(`${host} answers ${status}`, "unreachable", wait);
  const known = HUB_CODES[hubCodeOf(headers) ?? ""] ?? STATUSES[status];
  return known === undefined
    ? new Refusal(`${host} answers ${status}`)
    : new Refusal(`${host} answers ${status}: ${known.meaning}`, known.kind);
}

/** What a server answers when a link to it has expired, or is not good for this request. */
const REFUSED_LINK: ReadonlySet<number> = new Set([400, 401, 403, 410]);
/** The same of a link to the server that gave it, which may mean the others of the file itself. */
const REFUSED_OWN_LINK: ReadonlySet<number> = new Set([400, 403]);

/**
 * The same of `link`, to which `source` redirected: what is refused is the link, and the source can give another one. The hub says with a
 * code that it refuses the file itself.
 */
export function redirectedRefusal(status: number, headers: AnswerHeaders, link: URL, source: URL): Refusal {
  const refusals = link.host === source.host ? REFUSED_OWN_LINK : REFUSED_LINK;
  const refusal = statusRefusal(status, headers, link.host);
  if (refusal instanceof TransientRefusal || hubCodeOf(headers) !== undefined || !refusals.has(status)) return refusal;
  return new TransientRefusal(`${link.host} answers ${status} to the link that ${source.host} gave`);
}

function hubCodeOf(headers: AnswerHeaders): string | undefined {
  return [headers["x-error-code"]].flat()[0];
}

interface Meaning {
  readonly kind: FailureKind;
  readonly meaning: string;
}

const NO_SUCH_FILE: Meaning = { kind: "not-found", meaning: "there is no such file, check the address" };

const STATUSES: Readonly<Record<number, Meaning>> = {
  401: {
    kind: "unauthorised",
    meaning: "it does not exist or needs a valid token (HF_TOKEN for hf:// sources)",
  },
  403: {
    kind: "unauthorised",
    meaning: "access denied: its address may have expired, or it needs a token or a password",
  },
  404: NO_SUCH_FILE,
  407: { kind: "unauthorised", meaning: "the proxy needs a user and a password in HTTP_PROXY or HTTPS_PROXY" },
  410: NO_SUCH_FILE,
};

/** What the hub says in `X-Error-Code`, as its own client knows it. */
const HUB_CODES: Readonly<Record<string, Meaning>> = {
  GatedRepo: {
    kind: "unauthorised",
    meaning: "access denied; a gated model needs its licence accepted and HF_TOKEN",
  },
  RepoNotFound: {
    kind: "unauthorised",
    meaning: "there is no such repository, or it is private and needs a valid token (HF_TOKEN)",
  },
  RevisionNotFound: { kind: "not-found", meaning: "the repository has no such revision" },
  EntryNotFound: { kind: "not-found", meaning: "the repository has no such file, check its name" },
};

const TRANSIENT_CODES: ReadonlySet<string> = new Set([
  "EAI_AGAIN",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_SOCKET",
]);

/** What a failed connection means, by the error code of Node or undici. A machine without a network finds no host either. */
export function connectionRefusal(error: unknown, { host, hostname }: URL): Refusal {
  const code = errorCode(error) ?? "unknown error";
  if (code === "ENOTFOUND") return new Refusal(`host ${hostname} was not found`, "unreachable");
  const clause = `the connection to ${host} failed (${code})`;
  return TRANSIENT_CODES.has(code) ? new TransientRefusal(clause) : new Refusal(clause, "unreachable");
}

const FILE_CODES: Readonly<Record<string, Meaning>> = {
  ENOENT: { kind: "not-found", meaning: "there is no such file" },
  ENOTDIR: { kind: "not-found", meaning: "there is no such file: a part of its path is not a directory" },
  EACCES: { kind: "unauthorised", meaning: "this user may not read it" },
  EPERM: { kind: "unauthorised", meaning: "this user may not read it" },
  ELOOP: { kind: "invalid", meaning: "its path is a circle of links" },
  ENAMETOOLONG: { kind: "invalid", meaning: "its path is too long" },
};

/** What a file that cannot be read means, by the code of Node; another error is a fault of this program, and raised again. */
export function fileRefusal(error: unknown): Refusal {
  const code = errorCode(error);
  if (code === undefined) throw error;
  const known = FILE_CODES[code];
  return known === undefined
    ? new Refusal(`it cannot be read (${code})`, "unreachable")
    : new Refusal(known.meaning, known.kind);
}
