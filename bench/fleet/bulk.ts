import type { KubeClient, KubeObject } from "../../kube/client.ts";
import type { ResourceKind } from "../../kube/kinds.ts";

/** Requests under way at a time. More make one kube-apiserver on two cores no faster. */
const AT_ONCE = 32;

/** Runs `work` for all items, {@link AT_ONCE} at a time. */
export async function forEachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items[Symbol.iterator]();
  const worker = async () => {
    for (const item of { [Symbol.iterator]: () => waiting }) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** @throws Error with the server's words at the first object that it refuses */
export async function createAll(client: KubeClient, kind: ResourceKind, objects: readonly KubeObject[]): Promise<void> {
  await forEachOf(objects, async (object) => {
    const made = await client.create(kind, object);
    if (!made.ok && made.kind !== "conflict") throw new Error(made.error);
  });
}

/** Merges `status` into objects that exist. */
export async function writeStatus(
  client: KubeClient,
  kind: ResourceKind,
  refs: readonly { readonly namespace?: string | undefined; readonly name: string }[],
  status: (index: number) => object,
): Promise<void> {
  const numbered = refs.map((ref, index) => ({ ref, index }));
  await forEachOf(numbered, async ({ ref, index }) => {
    const done = await client.patch(kind, ref, { status: status(index) }, { type: "merge", subresource: "status" });
    if (!done.ok) throw new Error(done.error);
  });
}

/** All objects of a kind, page by page. */
export async function listAll(
  client: KubeClient,
  kind: ResourceKind,
  labelSelector?: string,
): Promise<readonly KubeObject[]> {
  const items: KubeObject[] = [];
  let more: string | undefined;
  do {
    const page = await client.list(kind, { limit: 500, continue: more, labelSelector });
    if (!page.ok) throw new Error(page.error);
    items.push(...page.value.items);
    more = page.value.continue;
  } while (more !== undefined);
  return items;
}
