/** Who holds the lock of a stack in a folder or bucket. */
export interface Lock {
  readonly who: string;
  readonly host: string;
  readonly pid: number;
  readonly since: string;
}

/** The lock that a failure is about; undefined where it is about none, or does not say whose. */
export function lockIn(said: string): Lock | undefined {
  const found = /created by (\S*@(\S+)) \(pid (\d+)\) at (\S+)/.exec(said);
  if (found === null) return undefined;
  const [, who = "", host = "", pid, since = ""] = found;
  return { who, host, pid: Number(pid), since };
}

/** What Pulumi says, and the sentence that tells the same with the way out. The first that fits counts. */
const KNOWN: readonly (readonly [said: RegExp, sentence: (found: RegExpExecArray) => string])[] = [
  [
    /currently locked by[\s\S]*|Another update is currently in progress/,
    ([said]) => {
      const lock = lockIn(said);
      const by = lock === undefined ? "by another run" : `by ${lock.who} (pid ${lock.pid}) since ${lock.since}`;
      return `the stack is locked ${by}: wait until that run has ended, or, if it was killed, run pulumi cancel on it (docs/deploy.md)`;
    },
  ],
  [
    /incorrect passphrase/,
    () =>
      "the passphrase is not the one that this stack was made with: set PULUMI_CONFIG_PASSPHRASE to that one, or unset it to use the one that deploy keeps",
  ],
  [
    /passphrase must be set|get passphrase|PULUMI_CONFIG_PASSPHRASE_FILE/,
    () =>
      "Pulumi could not read the passphrase: set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE to a file that you can read",
  ],
  [
    /PULUMI_ACCESS_TOKEN must be set|not logged in|\[401\]/,
    () =>
      "Pulumi is not logged in to the backend of PULUMI_BACKEND_URL: run pulumi login, or unset PULUMI_BACKEND_URL to keep the state on this machine",
  ],
  [
    /(?:unable to open (?:bucket|state directory)|unknown backend|could not (?:get|create) cloud|no such host|connection refused|read ".pulumi\/meta.yaml"|problem logging in|no driver registered)[^\n]*/,
    ([what]) =>
      `Pulumi cannot use the backend of PULUMI_BACKEND_URL (${what}): correct it, or unset it to keep the state on this machine`,
  ],
  [
    /(?:analyzer|language) plugin [^\n]*(?:is missing|not found|could not|unable)|no (?:analyzer|language) plugin/,
    () =>
      "Pulumi's language host for Node.js is missing beside the CLI, and the policies need it: install Pulumi as a whole (https://www.pulumi.com/docs/install/)",
  ],
  [
    /no resource plugin '?([\w-]+)|could not (?:load|install|find)[^\n]*plugin[^\n]*?(kubernetes)|failed to (?:load|install)[^\n]*plugin (\S+)/,
    (found) => {
      const name = (found[1] ?? found[2] ?? found[3] ?? "kubernetes").replace("pulumi-resource-", "");
      return `Pulumi's plugin ${name} is missing and could not be downloaded: run pulumi plugin install resource ${name} where there is a network`;
    },
  ],
  [
    /Minimum version requirement failed[^\n]*minimum CLI version requirement is (\S+), your current CLI version is (\S+?)\. /,
    ([, least, has]) => `the Pulumi CLI is of version ${has}, and ${least} or newer is needed: brew upgrade pulumi`,
  ],
  [
    /configured Kubernetes cluster is unreachable[^\n]*/,
    ([what]) => `the cluster cannot be reached (${what}): check --context and --kubeconfig`,
  ],
];

/** The failure of a Pulumi run in one sentence, without a full stop. What is not known stays in Pulumi's own words, on one line. */
export function failureText(said: string): string {
  for (const [pattern, sentence] of KNOWN) {
    const found = pattern.exec(said);
    if (found !== null) return sentence(found);
  }
  return `Pulumi failed: ${ownWords(said)}`;
}

/** The first line that says an error, else the last one that says anything. */
function ownWords(said: string): string {
  const lines = said.split("\n").map((line) => line.replace(/^\s*(stderr:|stdout:|err\?:)?\s*/, "").trim());
  const meaningful = lines.filter((line) => line !== "" && !/^(code: |warning: )/.test(line));
  const line = meaningful.find((one) => one.startsWith("error: ")) ?? meaningful.at(-1) ?? "it gave no reason";
  return line.replace(/^error: /, "");
}
