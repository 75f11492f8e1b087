import { isAbsolute } from "node:path";
import querystring from "node:querystring";
import { fileURLToPath } from "node:url";
import { quoted } from "../api/plain-text.ts";
import { fail, ok, type Result } from "../api/result.ts";

/** Where a model file is to be read. `name` is for sentences: it holds no credentials. */
export type Location = FileLocation | HttpLocation;

export interface FileLocation {
  readonly kind: "file";
  readonly name: string;
  readonly path: string;
}

export interface HttpLocation {
  readonly kind: "http";
  readonly name: string;
  readonly url: URL;
  /** Value of the Authorization header, for the origin of `url` and no other. */
  readonly authorization?: string;
}

/** The environment variables of the hub's own tools. */
export interface HubEnvironment {
  /** Address of the hub or of a mirror; default: the public one. */
  readonly HF_ENDPOINT?: string | undefined;
  /** Access token, used for `hf://` only. */
  readonly HF_TOKEN?: string | undefined;
}

const PUBLIC_HUB = "https://huggingface.co";
const DEFAULT_REVISION = "main";

/** `hf://org/repo/path`, `hf://org/repo@revision/path`; the two kinds of revision with slashes are the hub's own. */
const HUB_SOURCE = /^hf:\/\/([^/@]+)\/([^/@]+)(?:@(refs\/pr\/\d+|refs\/convert\/\w+|[^/]+))?\/(.+)$/;

const EXPECTED = "an absolute path or a file://, https://, http:// or hf://org/repo/file.gguf address is expected";

/**
 * Where `source` is: an absolute path, `file://`, `http(s)://` or `hf://org/repo[@revision]/file`. `token` goes to the
 * origin that the source names; without one an hf:// source takes `HF_TOKEN`, an http source its own user and password.
 */
export function locate(source: string, environment: HubEnvironment, token?: string): Result<Location> {
  const given = token?.trim() || undefined;
  const name = displayName(source);
  if (/\p{Cc}/u.test(source)) return fail(`source ${quoted(name)} holds control characters: ${EXPECTED}`);
  if (isAbsolute(source)) return ok({ kind: "file", name, path: source });
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(source)?.[1]?.toLowerCase();
  switch (scheme) {
    case "file":
      return locateFileUrl(source, name);
    case "http":
    case "https":
      return locateHttp(source, name, given);
    case "hf":
      return locateOnHub(source, name, environment, given);
    case "pvc":
      return fail(
        `source ${quoted(name)} is a cluster volume, which a Mac cannot mount: use a path, hf:// or https://`,
        "unsupported",
      );
    case "s3":
      return fail(
        `source ${quoted(name)} is on S3, which is not read here: use an https:// address of the object`,
        "unsupported",
      );
    default:
      return fail(`source ${quoted(name)} is not understood: ${EXPECTED}`);
  }
}

/** A source or URL without what may be secret: user, password, query and fragment. Paths stay as they are. */
export function displayName(source: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(source)) return source;
  return source.replace(/:\/\/[^/?#]*@/, "://").replace(/[?#].*$/s, "");
}

function locateFileUrl(source: string, name: string): Result<Location> {
  try {
    return ok({ kind: "file", name, path: fileURLToPath(source) });
  } catch {
    return fail(`source ${quoted(name)} is not a usable file address: file:///absolute/path is expected`);
  }
}

function locateHttp(source: string, name: string, token: string | undefined): Result<Location> {
  const url = URL.parse(source);
  if (url === null) return fail(`source ${quoted(name)} is not a valid address`);
  const authorization = basicAuthorization(url);
  url.username = "";
  url.password = "";
  if (token !== undefined) return withToken({ kind: "http", name, url }, token, "the token");
  return ok(authorization === undefined ? { kind: "http", name, url } : { kind: "http", name, url, authorization });
}

/** The user and password in a URL as the header that carries them (RFC 7617). */
function basicAuthorization(url: URL): string | undefined {
  if (url.username === "" && url.password === "") return undefined;
  const [user, password] = [url.username, url.password].map(querystring.unescape);
  const login = Buffer.from(`${user}:${password}`);
  return `Basic ${login.toString("base64")}`;
}

/** A file in a repository on the hub. */
export interface HubFile {
  readonly organisation: string;
  readonly repository: string;
  /** A branch, a tag or a commit; undefined: the default branch. */
  readonly revision: string | undefined;
  readonly path: string;
}

/** What `hf://org/repo[@revision]/file` names; undefined if it names no file. */
export function hubFileOf(source: string): HubFile | undefined {
  const match = HUB_SOURCE.exec(source);
  const [, organisation = "", repository = "", revision, path = ""] = match ?? [];
  const segments = [organisation, repository, revision ?? DEFAULT_REVISION, ...path.split("/")];
  return match === null || segments.some(isBadSegment) ? undefined : { organisation, repository, revision, path };
}

function locateOnHub(source: string, name: string, env: HubEnvironment, token: string | undefined): Result<Location> {
  const hubFile = hubFileOf(source);
  if (hubFile === undefined) {
    return fail(`source ${quoted(name)} names no file on the hub: hf://org/repo/file.gguf is expected`);
  }
  const { organisation, repository, revision = DEFAULT_REVISION, path } = hubFile;
  const file = path.split("/").map(encodeURIComponent).join("/");
  const address = `${repositoryPath(organisation, repository)}/resolve/${encodeURIComponent(revision)}/${file}`;
  return onHub(name, address, env, token);
}

/** A repository at a revision: what the hub is asked about its files. */
export interface HubRepository {
  /** `org/repo`. */
  readonly repository: string;
  /** Branch, tag or commit; default: `main`. */
  readonly revision?: string | undefined;
}

/** Where the hub tells of a repository: its commit, and the names of its files. */
export function locateRepository(asked: HubRepository, environment: HubEnvironment): Result<HttpLocation> {
  const { repository, revision = DEFAULT_REVISION } = asked;
  const segments = repository.split("/");
  const [organisation = "", name = ""] = segments;
  if (segments.length !== 2 || segments.some((segment) => isBadSegment(segment) || !/^[\w.-]+$/.test(segment))) {
    return fail(`repository ${quoted(repository)} is no repository of the hub: org/repo is expected`);
  }
  const about = `models/${repositoryPath(organisation, name)}/revision/${encodeURIComponent(revision)}`;
  return onHub(`hf://${repository}@${revision}`, `api/${about}`, environment, undefined);
}

function repositoryPath(organisation: string, repository: string): string {
  return `${encodeURIComponent(organisation)}/${encodeURIComponent(repository)}`;
}

function onHub(
  name: string,
  path: string,
  { HF_ENDPOINT, HF_TOKEN }: HubEnvironment,
  token: string | undefined,
): Result<HttpLocation> {
  const endpoint = HF_ENDPOINT?.trim() || PUBLIC_HUB;
  const url = URL.parse(`${endpoint.replace(/\/+$/, "")}/${path}`);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return fail(`HF_ENDPOINT is ${quoted(displayName(endpoint))}: an https:// or http:// address is expected`);
  }
  const hubToken = token ?? (HF_TOKEN?.trim() || undefined);
  const location: HttpLocation = { kind: "http", name, url };
  return hubToken === undefined ? ok(location) : withToken(location, hubToken, token ? "the token" : "HF_TOKEN");
}

function isBadSegment(segment: string): boolean {
  return segment === "" || segment === "." || segment === "..";
}

function withToken(location: HttpLocation, token: string, origin: string): Result<HttpLocation> {
  return /^[\x21-\x7e]+$/.test(token)
    ? ok({ ...location, authorization: `Bearer ${token}` })
    : fail(`${origin} for ${quoted(location.name)} holds characters that no token has: check how it was set`);
}
