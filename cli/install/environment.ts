/** What a daemon takes over from the shell of who installs it. */
export interface Carried {
  readonly variables: Readonly<Record<string, string>>;
  /** What it will not have, each a sentence with what to do about it. */
  readonly notes: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

const PROXIES = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"];
/** Settings without a secret that the agent or Node.js reads. */
const PLAIN = ["HF_ENDPOINT", "HF_HOME", "HF_TOKEN_PATH", "XDG_CACHE_HOME", "NODE_EXTRA_CA_CERTS"];
const PATHS = new Set(["HF_HOME", "HF_TOKEN_PATH", "XDG_CACHE_HOME", "NODE_EXTRA_CA_CERTS"]);
const OURS = /^PULUMI_LLMKUBE_/;
/** Is an option of the agent. */
const CLAIMS = "PULUMI_LLMKUBE_CLAIMS";
/** They change how llama-server or Node.js works, which nobody would look for in a launchd file. */
const LEFT_OUT = /^(?:LLAMA_ARG_|GGML_|DYLD_|NODE_OPTIONS$)/;

/**
 * Which variables of `env` go into the launchd file, which every user of the machine can read: never a secret.
 *
 * @param behindSudo whether sudo has taken away most of what the shell had
 */
export function carriedEnvironment(env: Environment, behindSudo: boolean): Carried {
  const given = Object.entries(env).flatMap(([name, value]) => (value ? [[name, value] as const] : []));
  const wanted = given.filter(([name]) => PROXIES.includes(name) || PLAIN.includes(name) || OURS.test(name));
  const fit = wanted.filter(([name, value]) => name !== CLAIMS && refusalOf(name, value) === undefined);
  const notes = wanted.flatMap(([name, value]) => refusalOf(name, value) ?? []);
  if (env["HF_TOKEN"]) {
    notes.push(
      "HF_TOKEN is not written into the launchd file, which every user can read: run hf auth login, or write it to ~/.cache/huggingface/token (chmod 600)",
    );
  }
  const left = given.map(([name]) => name).filter((name) => LEFT_OUT.test(name));
  if (left.length > 0) notes.push(`the daemon will not have ${left.join(", ")} of this shell`);
  if (behindSudo && !wanted.some(([name]) => PROXIES.includes(name))) {
    notes.push(
      "sudo hides most variables of your shell: if you need a proxy, use sudo --preserve-env=HTTPS_PROXY,HTTP_PROXY,NO_PROXY",
    );
  }
  return { variables: Object.fromEntries(fit), notes };
}

function refusalOf(name: string, value: string): string | undefined {
  if (hasCredentials(value)) {
    return `${name} holds a user or password and is not written into the launchd file, which every user can read: use a proxy or mirror on this machine that adds them`;
  }
  if (PATHS.has(name) && !value.startsWith("/")) return `${name} is no absolute path, so the daemon will not have it`;
  return undefined;
}

/** The part before the `@` of an address, also of one without a scheme. */
function hasCredentials(value: string): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:\/\/)?[^/?#]*@/i.test(value);
}
