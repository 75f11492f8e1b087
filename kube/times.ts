/** RFC 3339 in whole seconds, as conditions have it. */
export function kubeTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

/** RFC 3339 with six digits after the second: what Leases and events want, and refuse to read otherwise. */
export function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace("Z", "000Z");
}
