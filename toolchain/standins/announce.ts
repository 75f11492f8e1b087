/** This variable is set for Pulumi if the user has already been told which stand-ins are in use. */
export const ANNOUNCED = "PULUMI_LLMKUBE_STAND_INS_ANNOUNCED";

export const STAND_INS = {
  language: "stand-in for Pulumi's nodejs language host (the official one is not installed)",
  kubernetes:
    "stand-in for Pulumi's kubernetes provider, which only renders YAML (the official plugin is not installed)",
} as const;

/** Says which stand-in is in use, unless the user has been told already. */
export async function announce(
  standIn: keyof typeof STAND_INS,
  say: (sentence: string) => Promise<void>,
): Promise<void> {
  if (process.env[ANNOUNCED] === undefined) await say(`Using a ${STAND_INS[standIn]}.`);
}
