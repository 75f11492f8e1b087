/** Where a command's words go. */
export interface Voice {
  /** For people: with `--json` on standard error, as standard output is for programs. */
  readonly say: (line: string) => void;
  readonly warn: (line: string) => void;
}

export function voiceOf({ json }: { readonly json?: true }): Voice {
  const warn = (line: string) => console.error(`pulumi-llmkube: ${line}`);
  return { say: json ? (line) => console.error(line) : (line) => console.log(line), warn };
}
