/** Access tokens that can be told by their beginning, wherever they are in a text. */
const TOKENS: ReadonlyArray<readonly [pattern: RegExp, whose: string]> = [
  [/\bhf_[A-Za-z0-9]{20,}/g, "Hugging Face"],
  [/\b(?:gh[opsur]_[A-Za-z0-9]{20,}|github_pat_\w{20,})/g, "GitHub"],
  [/\bglpat-[\w-]{16,}/g, "GitLab"],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, "AWS"],
];

/** Whose access token the text holds; undefined where it holds none that is known by its form. */
export function tokenIn(text: string): string | undefined {
  return TOKENS.find(([pattern]) => text.search(pattern) >= 0)?.[1];
}

export function withoutTokens(text: string): string {
  return TOKENS.reduce((left, [pattern]) => left.replaceAll(pattern, "..."), text);
}
