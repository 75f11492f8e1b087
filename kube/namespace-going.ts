/** In the API server's words where something is to be created in a namespace that is being deleted. */
export const NAMESPACE_GOING = "because it is being terminated";
