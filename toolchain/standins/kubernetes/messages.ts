import type { CheckRequest, CheckResponse, DiffRequest, DiffResponse } from "@pulumi/pulumi/proto/provider_pb.js";
import provider from "@pulumi/pulumi/proto/provider_pb.js";
import { properties, struct } from "../rpc.ts";
import { type Properties, renamePropertyKeys, unwrapProperties } from "../values.ts";
import { type Change, pathText } from "./diff.ts";
import { dashedKey, identify, underscoredKey } from "./manifest.ts";
import type { NameRequest } from "./naming.ts";
import type { Problem } from "./settings.ts";

export function checked(inputs: Properties, problems: readonly Problem[]): CheckResponse {
  const failures = problems.map(({ property, reason }) => {
    const failure = new provider.CheckFailure();
    failure.setProperty(property);
    failure.setReason(reason);
    return failure;
  });
  const response = new provider.CheckResponse();
  response.setInputs(struct(inputs));
  response.setFailuresList(failures);
  return response;
}

const AUTONAMING_MODES = ["propose", "enforce", "disable"] as const;

export function nameRequest(request: CheckRequest): NameRequest {
  const autonaming = request.getAutonaming();
  const mode = AUTONAMING_MODES[autonaming?.getMode() ?? 0] ?? "propose";
  return {
    resourceName: request.getName(),
    randomSeed: request.getRandomseed_asU8(),
    ...(autonaming !== undefined && { autonaming: { mode, proposedName: autonaming.getProposedName() } }),
  };
}

function changeKind({ kind, replaces }: Change) {
  const { ADD, ADD_REPLACE, DELETE, DELETE_REPLACE, UPDATE, UPDATE_REPLACE } = provider.PropertyDiff.Kind;
  if (kind === "add") return replaces ? ADD_REPLACE : ADD;
  if (kind === "delete") return replaces ? DELETE_REPLACE : DELETE;
  return replaces ? UPDATE_REPLACE : UPDATE;
}

export function diffed(changes: readonly Change[]): DiffResponse {
  const response = new provider.DiffResponse();
  const { DIFF_NONE, DIFF_SOME } = provider.DiffResponse.DiffChanges;
  response.setChanges(changes.length > 0 ? DIFF_SOME : DIFF_NONE);
  response.setHasdetaileddiff(true);
  for (const change of changes) {
    const path = pathText(change.path);
    const detail = new provider.PropertyDiff();
    detail.setKind(changeKind(change));
    detail.setInputdiff(true);
    response.getDetaileddiffMap().set(path, detail);
    if (change.replaces) response.addReplaces(path);
  }
  return response;
}

/** The plain inputs of both sides of a Diff, in Kubernetes' spelling. */
export function sidesOf(request: DiffRequest): { before: Properties; after: Properties } {
  const plain = (inputs: Properties): Properties => renamePropertyKeys(unwrapProperties(inputs), dashedKey);
  return {
    before: plain(properties(request.getOldInputs() ?? request.getOlds())),
    after: plain(properties(request.getNews())),
  };
}

/** The state of a rendered object in the official provider's form, so that it can take the stack over. */
export function stateOf(inputs: Properties): Properties {
  const spelled = renamePropertyKeys(inputs, underscoredKey);
  return { ...spelled, __inputs: spelled, __initialApiVersion: identify(unwrapProperties(inputs)).apiVersion };
}
