/** The longest name of a Node: it is the value of its label `kubernetes.io/hostname` too. */
export const LONGEST_NODE_NAME = 63;

/** RFC 1123, as the API server holds names of Nodes to it. */
export const NODE_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

export const NODE_NAME_RULE = `it has lower-case letters, digits, "-" and ".", begins and ends with a letter or digit, and has at most ${LONGEST_NODE_NAME} characters`;

export function isNodeName(text: string): boolean {
  return text.length <= LONGEST_NODE_NAME && NODE_NAME.test(text);
}

/** Why a text is no name of a Node, as one clause; undefined if it is one. */
export function nodeNameProblem(text: string): string | undefined {
  return isNodeName(text) ? undefined : `${JSON.stringify(text.slice(0, 80))} is no name of a Node: ${NODE_NAME_RULE}`;
}
