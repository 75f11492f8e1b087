import { createRequire } from "node:module";
import languageGrpc from "@pulumi/pulumi/proto/language_grpc_pb.js";
import { servePlugin } from "../rpc.ts";
import { languageService } from "./service.ts";

const { version }: { version: string } = createRequire(import.meta.url)("@pulumi/pulumi/package.json");

// The engine passes its address after all flags.
const engineAddress = process.argv.at(-1) ?? "";
await servePlugin(languageGrpc.LanguageRuntimeService, languageService(`${version}+stand-in`, engineAddress));
