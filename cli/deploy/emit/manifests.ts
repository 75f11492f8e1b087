import { stringify } from "yaml";
import { DEFAULT_NAMESPACE, GROUP_VERSION } from "../../../api/constants.ts";
import { onDemandAnnotations } from "../../../components/model/on-demand.ts";
import { modelSpec, serviceSpec } from "../../../components/model/specs.ts";
import { type Deployment, plain } from "../deployment.ts";

/** The Kubernetes manifests of one deployment, which need no Pulumi: for the agent's folder, or for `kubectl apply -f -`. */
export function plainManifests({ name, args }: Deployment): string {
  const metadata = { name, namespace: args.namespace ?? DEFAULT_NAMESPACE };
  const ofService = plain({ ...metadata, annotations: onDemandAnnotations(args.serving, undefined) });
  const objects = [
    { apiVersion: GROUP_VERSION, kind: "Model", metadata, spec: plain(modelSpec(args)) },
    {
      apiVersion: GROUP_VERSION,
      kind: "InferenceService",
      metadata: ofService,
      spec: plain(serviceSpec(name, args.serving)),
    },
  ];
  return objects.map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })).join("---\n");
}
