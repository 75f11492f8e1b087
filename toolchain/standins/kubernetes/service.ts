import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import type * as rpc from "@pulumi/pulumi/proto/provider_pb.js";
import provider from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { announce } from "../announce.ts";
import { type LogLine, properties, struct, unary } from "../rpc.ts";
import { containsSecret, containsUnknown, type Properties, renamePropertyKeys, unwrapProperties } from "../values.ts";
import { changesBetween, deletesBeforeReplace } from "./diff.ts";
import { dashedKey, identify, resourceId, unrenderable } from "./manifest.ts";
import { checked, diffed, nameRequest, sidesOf, stateOf } from "./messages.ts";
import { assignName, assignNamespace } from "./naming.ts";
import { removeManifest, writeManifest } from "./render.ts";
import { clusterScopedByDefinition, isNamespaced } from "./scope.ts";
import { problemsWith, RENDERS_ONLY, type Settings, settingsFrom } from "./settings.ts";

type Log = (line: LogLine) => Promise<void>;

/** What one plugin process knows from the engine. */
interface Session {
  log: Log;
  settings?: Settings;
  /** `group/Kind` of the cluster-scoped custom resources that this program defines. */
  clusterScoped: Set<string>;
}

function settingsOf(session: Session): Settings {
  if (session.settings === undefined) throw new Error(RENDERS_ONLY);
  return session.settings;
}

function check(session: Session, request: rpc.CheckRequest): rpc.CheckResponse {
  const { namespace } = settingsOf(session);
  const olds = request.hasOlds() ? properties(request.getOlds()) : undefined;
  const news = renamePropertyKeys(properties(request.getNews()), dashedKey);
  const plain = unwrapProperties(news);
  const custom = clusterScopedByDefinition(plain);
  if (custom !== undefined) session.clusterScoped.add(custom);
  const { apiVersion, kind } = identify(plain);
  const named = assignName(news, olds, nameRequest(request));
  const placed = isNamespaced(apiVersion, kind, session.clusterScoped) ? assignNamespace(named, namespace) : named;
  const reason = containsUnknown(placed) ? undefined : unrenderable(identify(unwrapProperties(placed)));
  return checked(placed, reason === undefined ? [] : [{ property: "", reason }]);
}

function diff(request: rpc.DiffRequest): rpc.DiffResponse {
  const { before, after } = sidesOf(request);
  const response = diffed(changesBetween(before, after));
  response.setDeletebeforereplace(response.getReplacesList().length > 0 && deletesBeforeReplace(before, after));
  return response;
}

function diffConfig(request: rpc.DiffRequest): rpc.DiffResponse {
  const { before, after } = sidesOf(request);
  // The files are in the old directory; only replacing the provider moves them.
  const changes = changesBetween(before, after);
  return diffed(changes.map((change) => ({ ...change, replaces: change.path[0] === "renderYamlToDirectory" })));
}

/** Renders the object and returns its resource ID. */
async function render(session: Session, urn: string, inputs: Properties): Promise<string> {
  const plain = unwrapProperties(inputs);
  const identity = identify(plain);
  const path = await writeManifest(settingsOf(session).directory, identity, plain);
  if (containsSecret(inputs)) {
    await session.log({ severity: "warning", message: `rendered file ${path} contains a secret in plain text`, urn });
  }
  await session.log({ severity: "info", message: `rendered ${path}`, urn, ephemeral: true });
  return resourceId(identity);
}

async function create(session: Session, request: rpc.CreateRequest): Promise<rpc.CreateResponse> {
  const inputs = properties(request.getProperties());
  const response = new provider.CreateResponse();
  if (request.getPreview()) {
    response.setProperties(struct(inputs));
  } else {
    response.setId(await render(session, request.getUrn(), inputs));
    response.setProperties(struct(stateOf(inputs)));
  }
  return response;
}

async function update(session: Session, request: rpc.UpdateRequest): Promise<rpc.UpdateResponse> {
  const inputs = properties(request.getNews());
  const response = new provider.UpdateResponse();
  if (!request.getPreview()) await render(session, request.getUrn(), inputs);
  response.setProperties(struct(request.getPreview() ? inputs : stateOf(inputs)));
  return response;
}

async function remove(session: Session, request: rpc.DeleteRequest) {
  const identity = identify(unwrapProperties(properties(request.getProperties())));
  const path = await removeManifest(settingsOf(session).directory, identity);
  await session.log({ severity: "info", message: `deleted ${path}`, urn: request.getUrn(), ephemeral: true });
  return new empty.Empty();
}

/** Returns the state as it is, like the official provider when it renders, because there is nothing to read from. */
function read(request: rpc.ReadRequest): rpc.ReadResponse {
  if (identify(unwrapProperties(properties(request.getProperties()))).kind === "") {
    throw new Error(`cannot read ${request.getId()}: ${RENDERS_ONLY}`);
  }
  const response = new provider.ReadResponse();
  response.setId(request.getId());
  response.setProperties(request.getProperties());
  response.setInputs(request.getInputs());
  return response;
}

async function configure(session: Session, request: rpc.ConfigureRequest): Promise<rpc.ConfigureResponse> {
  session.settings = settingsFrom(new Map(request.getVariablesMap().entries()));
  await announce("kubernetes", (message) => session.log({ severity: "info", message }));
  const response = new provider.ConfigureResponse();
  response.setAcceptsecrets(true);
  response.setSupportspreview(true);
  response.setSupportsAutonamingConfiguration(true);
  return response;
}

function handshake(): rpc.ProviderHandshakeResponse {
  const response = new provider.ProviderHandshakeResponse();
  response.setAcceptSecrets(true);
  response.setSupportsAutonamingConfiguration(true); // counts only here, not in Configure's answer
  return response;
}

function pluginInfo(version: string) {
  const info = new pluginPb.PluginInfo();
  info.setVersion(version);
  return info;
}

function refuse(what: string): never {
  throw new Error(`cannot ${what}: ${RENDERS_ONLY}`);
}

/** The ResourceProvider service of the stand-in. It has no cluster; calls that need one fail with RENDERS_ONLY. */
export function kubernetesService(version: string, connect: (engine: string) => Log): UntypedServiceImplementation {
  const session: Session = { log: async () => {}, clusterScoped: new Set() };
  return {
    handshake: unary((request: rpc.ProviderHandshakeRequest) => {
      session.log = connect(request.getEngineAddress());
      return handshake();
    }),
    checkConfig: unary((request: rpc.CheckRequest) => {
      const inputs = properties(request.getNews());
      return checked(inputs, problemsWith(inputs));
    }),
    diffConfig: unary(diffConfig),
    configure: unary((request: rpc.ConfigureRequest) => configure(session, request)),
    check: unary((request: rpc.CheckRequest) => check(session, request)),
    diff: unary(diff),
    create: unary((request: rpc.CreateRequest) => create(session, request)),
    update: unary((request: rpc.UpdateRequest) => update(session, request)),
    delete: unary((request: rpc.DeleteRequest) => remove(session, request)),
    read: unary(read),
    invoke: unary((request: rpc.InvokeRequest) => refuse(`call ${request.getTok()}`)),
    construct: unary((request: rpc.ConstructRequest) => refuse(`construct ${request.getType()}`)),
    getPluginInfo: unary(() => pluginInfo(version)),
    cancel: unary(() => new empty.Empty()),
  };
}
