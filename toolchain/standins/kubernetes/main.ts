import { createRequire } from "node:module";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { engineLog, servePlugin } from "../rpc.ts";
import { kubernetesService } from "./service.ts";

// The version of the SDK, as the official plugin has it; the build part tells the two apart.
const { version }: { version: string } = createRequire(import.meta.url)("@pulumi/kubernetes/package.json");

await servePlugin(providerGrpc.ResourceProviderService, kubernetesService(`${version}+stand-in`, engineLog));
