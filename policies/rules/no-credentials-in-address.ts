import * as z from "zod";
import { defineRule } from "../define.ts";
import type { ModelSubject } from "../definition.ts";
import type { Findings } from "../findings.ts";
import { sourcesOf } from "./address.ts";
import { notYetKnown } from "./not-yet-known.ts";
import { tokenIn } from "./tokens.ts";

const REMEDY =
  "Take the credential out: for hf:// set HF_TOKEN in the agent's environment; for another server put the file on the Mac and name its path.";

/** An address is kept in the stack's state, in manifests and in logs. A message never has the credential, and of the address its host alone. */
export const noCredentialsInAddress = defineRule({
  name: "no-credentials-in-address",
  title: "No credentials in an address",
  description: "An address of weights must not contain a password or a token.",
  remedy: `${REMEDY} Whoever has seen the credential can use it: replace it.`,
  severity: "critical",
  tags: ["security", "source", "secrets"],
  level: "mandatory",
  config: z.strictObject({}),
  examples: {
    bad: { model: { source: "https://user:password@models.example.com/model.gguf" } },
    good: { model: { source: "https://models.example.com/model.gguf" } },
  },
  checkModel,
});

function checkModel(model: ModelSubject): Findings {
  const refusals = sourcesOf(model.spec).flatMap(({ field, value }) => {
    const found = credentialIn(value);
    if (found === undefined) return [];
    return [
      `${model.label}: ${field}${atHost(value)} contains ${found}, which the stack's state, manifests and logs would keep. ${REMEDY}`,
    ];
  });
  return { refusals, notes: notYetKnown(model, ["source", "mmproj"]) };
}

/** Names of query parameters that carry what gives access, in lower case without dashes and underscores. */
const SECRET_PARAMETERS: ReadonlySet<string> = new Set([
  ...["token", "accesstoken", "authtoken", "apitoken", "privatetoken", "jobtoken", "bearer", "authorization", "auth"],
  ...["key", "apikey", "accesskey", "secret", "clientsecret", "password", "passwd", "pwd", "credential", "credentials"],
  // Links that storage services sign give access to whoever has them.
  ...["sig", "signature", "xamzsignature", "xamzcredential", "xamzsecuritytoken", "awsaccesskeyid"],
  ...["xgoogsignature", "xgoogcredential", "googleaccessid"],
]);

/** What gives access in an address, in words that do not give it away. */
function credentialIn(source: string): string | undefined {
  const { authority, rest } = partsOf(source);
  if (authority.includes("@")) {
    const user = authority.slice(0, authority.lastIndexOf("@"));
    return user.includes(":") ? "a user name and a password" : "a user name or a token before its host";
  }
  const parameter = secretParameter(rest);
  if (parameter !== undefined) return `a credential in its query parameter ${JSON.stringify(parameter)}`;
  const whose = tokenIn(source);
  return whose === undefined ? undefined : `what looks like an access token of ${whose}`;
}

function secretParameter(rest: string): string | undefined {
  const [, ...queries] = rest.split(/[?#]/);
  const parameters = new URLSearchParams(queries.join("&").replaceAll(";", "&"));
  for (const [name, value] of parameters) {
    if (value !== "" && SECRET_PARAMETERS.has(name.toLowerCase().replaceAll(/[-_]/g, ""))) return name;
  }
  return undefined;
}

/** ` (at https://models.example.com)`; nothing where there is no host, or where the host itself looks like a token. */
function atHost(source: string): string {
  const { scheme, authority } = partsOf(source);
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  return host === "" || tokenIn(host) !== undefined ? "" : ` (at ${scheme}://${host})`;
}

function partsOf(source: string): { readonly scheme: string; readonly authority: string; readonly rest: string } {
  const [, scheme = "", authority = "", rest = ""] = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/is.exec(source) ?? [];
  return { scheme: scheme.toLowerCase(), authority, rest };
}
