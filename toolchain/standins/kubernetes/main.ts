import { createRequire } from "node:module";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { engineLog, servePlugin } from "../rpc.ts";
import { kubernetesService } from "./service.ts";

// The version of the SDK, like the official plugin; the build metadata distinguishes the two.
const { version }: { version: string } = createRequire(import.meta.url)("@pulumi/kubernetes/package.json");

await servePlugin(providerGrpc.ResourceProviderService, kubernetesService(`${version}+stand-in`, engineLog));
