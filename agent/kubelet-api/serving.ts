import { createPublicKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { errorText } from "../../api/error-code.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { type BackOff, waitAfterFailure } from "../../kube/back-off.ts";
import type { KubeClient } from "../../kube/client.ts";
import { type Clock, sleep } from "../../kube/clock.ts";
import { readServing, renewalAt, type ServingCertificate } from "./certificate.ts";
import { readOrMakeKey, writePrivately } from "./key-file.ts";
import { askForSignature, type Signing, signingName } from "./signing.ts";

export interface ServingOptions {
  readonly kube: KubeClient;
  readonly nodeName: string;
  /** Host names and IP addresses that the certificate is for, as of now. */
  readonly names: () => readonly string[];
  readonly paths: { readonly key: string; readonly certificate: string };
  readonly clock: Clock;
  readonly random: () => number;
  readonly say: (message: string) => void;
}

/** The certificate that this server shows, and how it comes to a better one. */
export interface Serving {
  readonly key: KeyObject;
  readonly current: () => ServingCertificate;
  /** One sentence while the certificate is one that nobody else has signed; undefined otherwise. */
  readonly note: () => string | undefined;
  /** Has it signed by the cluster, and renewed, until `signal` is aborted. @param swapped gets each new one */
  readonly keep: (signal: AbortSignal, swapped: (certificate: ServingCertificate) => void) => Promise<void>;
}

const DAY_MS = 86_400_000;
/** A certificate of our own is made anew so long before its end. */
const SELF_SIGNED_LEFT_MS = 30 * DAY_MS;
/** How long one look at the time of day is believed: a machine sleeps, and clocks are set. */
const LONGEST_SLEEP_MS = 3_600_000;
/** Between two looks at what this machine is called. */
const NAMES_MS = 10_000;
const BACK_OFF: BackOff = { firstMs: 30_000, longestMs: 6 * 3_600_000 };

/** Opens the key and certificate of last time, or makes them: the certificate is then signed by its own key. */
export async function openServing(options: ServingOptions): Promise<Result<Serving>> {
  const { paths, clock, names } = options;
  const key = await readOrMakeKey(paths.key);
  if (!key.ok) return key;
  const kept = readServing(await readFile(paths.certificate, "utf8").catch(() => ""), key.value, names(), clock.now());
  const first = kept.ok && hasTimeLeft(kept.value, clock.now()) ? kept : await selfSigned(options, key.value);
  return first.ok ? ok(servingOf(options, key.value, first.value)) : first;
}

function servingOf(options: ServingOptions, key: KeyObject, first: ServingCertificate): Serving {
  const { clock, random, say } = options;
  let current = first;
  let why = "the cluster has not been asked yet";
  const because = (reason: string) => {
    if (reason !== why) say(noteOf(reason));
    why = reason;
  };
  async function keepFor(signal: AbortSignal, use: (certificate: ServingCertificate) => void): Promise<void> {
    // Part of the request's name, so that one that was refused does not stand in the way of the next.
    let refusals = 0;
    for (let failures = 0; !signal.aborted; ) {
      if (!current.selfSigned) await sleepUntil(renewalAt(current, random()), clock, signal);
      if (signal.aborted) return;
      if (!hasTimeLeft(current, clock.now())) {
        const renewed = await selfSigned(options, key);
        if (renewed.ok) use(renewed.value);
      }
      const { outcome, certificate } = await attempt(options, key, [current.fingerprint, refusals], because, signal);
      if (certificate !== undefined) {
        failures = 0;
        use(certificate);
        continue;
      }
      if (outcome.is !== "pending") because(outcome.why);
      if (outcome.is === "refused") refusals += 1;
      failures += 1;
      await sleep(clock, BACK_OFF.firstMs + waitAfterFailure(BACK_OFF, failures, random), signal);
    }
  }

  return {
    key,
    current: () => current,
    note: () => (current.selfSigned ? noteOf(why) : undefined),
    keep: async (signal, swapped) => {
      const use = (certificate: ServingCertificate) => {
        current = certificate;
        swapped(certificate);
      };
      while (!signal.aborted) {
        const names = options.names();
        const isOther = () => !isDeepStrictEqual(options.names(), names);
        if (!readServing(current.pem, key, names, clock.now()).ok) {
          // Until the cluster signs one for what this machine is called now.
          const fitting = await selfSigned(options, key);
          if (fitting.ok) use(fitting.value);
        }
        const over = new AbortController();
        const until = AbortSignal.any([signal, over.signal]);
        await Promise.all([keepFor(until, use), untilTrue(isOther, clock, signal).then(() => over.abort())]);
      }
    },
  };
}

/** Asks once for a certificate, and keeps it where there is one. */
async function attempt(
  options: ServingOptions,
  key: KeyObject,
  parts: readonly unknown[],
  because: (reason: string) => void,
  signal: AbortSignal,
): Promise<{ readonly outcome: Exclude<Signing, { is: "signed" }>; readonly certificate?: ServingCertificate }> {
  const { kube, nodeName, clock, paths, say } = options;
  const names = options.names();
  const name = signingName([nodeName, createPublicKey(key).export({ format: "jwk" }), names, ...parts]);
  const over = new AbortController();
  const cancel = clock.timer(() => over.abort(), DAY_MS);
  const { makeRequest } = await import("./certificate-make.ts");
  const request = () => makeRequest(key, { nodeName, names });
  const waits = () => because(`somebody must approve it: kubectl certificate approve ${name}`);
  const outcome = await askForSignature({ kube, name, request, clock, waits }, AbortSignal.any([signal, over.signal]));
  cancel();
  if (outcome.is !== "signed") return { outcome };
  const read = readServing(outcome.pem, key, names, clock.now());
  if (!read.ok) return { outcome: { is: "refused", why: `what the cluster signed does not serve: ${read.error}` } };
  await writePrivately(paths.certificate, outcome.pem).catch((error: unknown) =>
    say(`the certificate of the kubelet API cannot be kept (${errorText(error)}): the next start asks for another one`),
  );
  return { outcome: { is: "pending" }, certificate: read.value };
}

async function selfSigned(
  { nodeName, names: namesNow, paths, clock }: ServingOptions,
  key: KeyObject,
): Promise<Result<ServingCertificate>> {
  const names = namesNow();
  const { makeSelfSigned } = await import("./certificate-make.ts");
  try {
    const pem = await makeSelfSigned(key, { nodeName, names }, clock.now());
    await writePrivately(paths.certificate, pem);
    return readServing(pem, key, names, clock.now());
  } catch (error) {
    return fail(`no certificate for the kubelet API can be made for ${names.join(", ")} (${errorText(error)})`);
  }
}

function noteOf(why: string): string {
  return `the certificate that kubectl logs meets on this Mac is signed by itself, which is refused where the API server verifies kubelets: ${why}`;
}

function hasTimeLeft({ selfSigned: own, until }: ServingCertificate, now: number): boolean {
  return until - now > (own ? SELF_SIGNED_LEFT_MS : 0);
}

async function untilTrue(holds: () => boolean, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !holds()) await sleep(clock, NAMES_MS, signal);
}

async function sleepUntil(at: number, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && clock.now() < at) {
    await sleep(clock, Math.min(LONGEST_SLEEP_MS, at - clock.now()), signal);
  }
}
