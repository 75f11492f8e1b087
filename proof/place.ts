/**
 * Whose machine it is. `hosted`: a virtual machine of GitHub, thrown away afterwards. `self-hosted`: a machine that is there for this.
 * `own`: somebody works on it, so nothing is changed that outlives the proof.
 */
export const PLACES = ["hosted", "self-hosted", "own"] as const;
export type Place = (typeof PLACES)[number];

/** As GitHub's runners say it in their environment. `allowed`: a person has said that it may be disturbed. */
export function placeOf(env: Readonly<Record<string, string | undefined>>, allowed: boolean): Place {
  const runner = env["RUNNER_ENVIRONMENT"];
  if (allowed || runner === "self-hosted") return "self-hosted";
  return runner === "github-hosted" ? "hosted" : "own";
}
