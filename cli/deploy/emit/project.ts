import type { Deployment } from "../deployment.ts";
import type { Target } from "../target.ts";

/** What a printed program stands for. */
export interface Emission {
  readonly target: Target;
  readonly deployments: readonly Deployment[];
  readonly project: string;
  readonly stack: string;
  /** The folder that has the settings of the stack, with the salt of its passphrase. */
  readonly projectFolder: string;
  /** Absolute folder of this package. */
  readonly packageFolder: string;
  /** Variables that lead Pulumi to the state and the passphrase. */
  readonly variables: Readonly<Record<string, string>>;
}

/** How to go on with this program on the same stack, as lines of a comment. */
export function instructions(
  { stack, projectFolder, variables }: Emission,
  setUp: readonly string[],
): readonly string[] {
  const exported = Object.entries(variables).filter(([name]) => name !== "PULUMI_SKIP_UPDATE_CHECK");
  return [
    `The program of stack ${stack} of pulumi-llmkube deploy. To go on with it, in a folder of its own:`,
    ...[
      ...setUp,
      `cp ${quoted(`${projectFolder}/Pulumi.${stack}.yaml`)} .`,
      ...exported.map(([name, value]) => `export ${name}=${quoted(value)}`),
      `pulumi preview --stack ${stack}`,
    ].map((line) => `  ${line}`),
  ];
}

/** As a word of a shell. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Identifiers of a program, one for each name, that differ from each other and from `reserved`. */
export function identifiers(
  names: readonly string[],
  shape: (words: readonly string[]) => string,
  reserved: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const used = new Set<string>();
  const chosen = new Map<string, string>();
  for (const name of names) {
    const words = name.split(/[^a-z0-9]+/).filter((word) => word !== "");
    const plain = shape(/^\d/.test(words[0] ?? "1") ? ["model", ...words] : words);
    let identifier = reserved.has(plain) ? shape([...words, "model"]) : plain;
    for (let count = 2; used.has(identifier); count += 1) identifier = `${plain}${count}`;
    used.add(identifier);
    chosen.set(name, identifier);
  }
  return chosen;
}
