export { type ControllerOptions, controllerManifests } from "./controller.ts";
export type { ManifestObject } from "./manifest-object.ts";
export { CONTROLLER, MAC_ROLE, POLICIES } from "./names.ts";
export { type NodeOptions, nodeManifests } from "./node.ts";
