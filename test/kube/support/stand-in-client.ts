import assert from "node:assert/strict";
import type { KubeClient, KubeFailure, KubeObject, KubeResult, ObjectList, WatchEvent } from "../../../kube/client.ts";
import { failed } from "../../../kube/failure.ts";
import { settle } from "./fake-clock.ts";

type ListWanted = Parameters<KubeClient["list"]>[1];
type WatchWanted = Parameters<KubeClient["watch"]>[1];

export interface OpenList {
  readonly wanted: ListWanted;
  answer(result: KubeResult<ObjectList>): Promise<void>;
}

export interface OpenWatch {
  readonly wanted: WatchWanted;
  send(...events: readonly WatchEvent[]): Promise<void>;
  end(result?: KubeResult<void>): Promise<void>;
}

/** A client of an API server whose part the test plays by hand. It can only list and watch. */
export function standInClient() {
  const lists: OpenList[] = [];
  const watches: OpenWatch[] = [];
  const unplayed = () => assert.fail("only lists and watches are played");
  const client: KubeClient = {
    server: "https://stand-in",
    list: (_kind, wanted) => {
      const { promise, resolve } = Promise.withResolvers<KubeResult<ObjectList>>();
      lists.push({ wanted, answer: (result) => settleAfter(() => resolve(result)) });
      return promise;
    },
    watch: (_kind, wanted, onEvent, signal) => {
      const { promise, resolve } = Promise.withResolvers<KubeResult<void>>();
      signal.addEventListener("abort", () => resolve(failed("aborted", "it was given up")));
      watches.push({
        wanted,
        send: (...events) => settleAfter(() => events.forEach(onEvent)),
        end: (result = { ok: true, value: undefined }) => settleAfter(() => resolve(result)),
      });
      return promise;
    },
    get: unplayed,
    create: unplayed,
    apply: unplayed,
    replace: unplayed,
    patch: unplayed,
    delete: unplayed,
    post: unplayed,
    resetConnections: async () => {},
    close: async () => {},
  };
  /** The request that the client waits for now. */
  const list = async (number = lists.length) => taken(lists, number);
  const watch = async (number = watches.length) => taken(watches, number);
  return { client, lists, watches, list, watch };
}

async function taken<T>(requests: readonly T[], number: number): Promise<T> {
  await settle();
  const request = requests[number - 1];
  assert(request !== undefined, `there are ${requests.length} such requests, and not ${number}`);
  return request;
}

async function settleAfter(act: () => void): Promise<void> {
  act();
  await settle();
}

export function listed(resourceVersion: string, ...items: readonly KubeObject[]): KubeResult<ObjectList> {
  return { ok: true, value: { items, resourceVersion, continue: undefined } };
}

export function object(name: string, resourceVersion: string, uid = `uid-of-${name}`): KubeObject {
  return { metadata: { namespace: "ns", name, resourceVersion, uid } };
}

export function bookmark(resourceVersion: string, initialEventsEnd = false): WatchEvent {
  return { type: "BOOKMARK", resourceVersion, initialEventsEnd };
}

export const NO_WATCH_LIST: KubeFailure = failed("invalid", "sendInitialEvents is forbidden", { status: 422 });
