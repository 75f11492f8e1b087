/**
 * Every user of the machine can write there, on Linux and on macOS, where the folder for temporary files that Node names is one for
 * each user. It is empty after a boot, when no claim means anything any more.
 */
export const DEFAULT_CLAIMS = "/tmp/pulumi-llmkube-claims";
