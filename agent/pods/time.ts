/** As the API server writes times: in UTC, without a fraction of a second. Another form would look like a change each time it is compared. */
export function rfc3339(time: Date | string): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, "Z");
}
