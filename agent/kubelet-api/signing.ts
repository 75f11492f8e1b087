import { createHash } from "node:crypto";
import * as z from "zod";
import type { KubeClient } from "../../kube/client.ts";
import type { Clock } from "../../kube/clock.ts";
import { KINDS } from "../../kube/kinds.ts";
import { reflector } from "../../kube/reflector/reflector.ts";

/** Signs certificates that API servers verify kubelets with; somebody must approve each request. */
const SIGNER = "kubernetes.io/kubelet-serving";

/** What came of a request. */
export type Signing =
  | { readonly is: "signed"; readonly pem: string }
  /** Somebody denied it, or its signer refused it. */
  | { readonly is: "refused"; readonly why: string }
  /** Nobody has approved it yet, or it was removed before anybody did. */
  | { readonly is: "pending" }
  /** It could not be made. */
  | { readonly is: "failed"; readonly why: string };

const csrSchema = z.object({
  status: z
    .object({
      certificate: z.base64().optional(),
      conditions: z.array(z.object({ type: z.string(), message: z.string().optional() })).optional(),
    })
    .optional(),
});
type Csr = z.output<typeof csrSchema>;

export interface SigningRequest {
  readonly kube: KubeClient;
  /** Of the CertificateSigningRequest. */
  readonly name: string;
  /** PEM. */
  readonly request: () => Promise<string>;
  readonly clock: Clock;
  /** Called once it is there and waits for somebody. */
  readonly waits: () => void;
}

/** The same for the same parts, so that an agent that starts again finds its request of before. */
export function signingName(parts: readonly unknown[]): string {
  return `llmkube-serving-${createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 20)}`;
}

/** Makes the request where it is not there, and waits until it is decided or `signal` is aborted. Never rejects but where `request` does. */
export async function askForSignature(asked: SigningRequest, signal: AbortSignal): Promise<Signing> {
  const { kube, name, request, clock, waits } = asked;
  const made = await kube.create(KINDS.certificateSigningRequest, csrOf(name, await request()), { signal });
  if (!made.ok && made.kind !== "conflict")
    return signal.aborted ? { is: "pending" } : { is: "failed", why: made.error };
  const over = new AbortController();
  let decided: Signing = { is: "pending" };
  const copy = reflector<Csr>({
    client: kube,
    kind: KINDS.certificateSigningRequest,
    selection: { fieldSelector: `metadata.name=${name}` },
    parse: (object) => {
      const parsed = csrSchema.safeParse(object);
      return parsed.success ? { ok: true, value: parsed.data } : { ok: false, error: parsed.error.message };
    },
    changed: () => {
      const csr = copy.get(name);
      const decision = csr === undefined ? undefined : decisionIn(csr);
      if (decision !== undefined) decided = decision;
      if (csr === undefined || decision !== undefined) over.abort();
      else waits();
    },
    clock,
  });
  await copy.run(AbortSignal.any([signal, over.signal]));
  return decided;
}

function decisionIn({ status }: Csr): Signing | undefined {
  const refusal = status?.conditions?.find(({ type }) => type === "Denied" || type === "Failed");
  if (refusal !== undefined) {
    return { is: "refused", why: `${refusal.type.toLowerCase()}: ${refusal.message ?? "no reason was given"}` };
  }
  const certificate = status?.certificate ?? "";
  return certificate === "" ? undefined : { is: "signed", pem: Buffer.from(certificate, "base64").toString("utf8") };
}

function csrOf(name: string, request: string) {
  return {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name },
    spec: {
      signerName: SIGNER,
      request: Buffer.from(request).toString("base64"),
      usages: ["digital signature", "server auth"],
    },
  };
}
