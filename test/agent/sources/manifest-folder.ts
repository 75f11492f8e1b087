import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { folderScanner, MISSED_MS, type Scanner, type ScannerOptions } from "../../../agent/sources/directory/scan.ts";
import type { Snapshot } from "../../../agent/sources/directory/snapshot.ts";
import { modelManifest, serviceManifest } from "../../support/manifests.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

export const modelOf = (name: string, spec: object = {}) => JSON.stringify(modelManifest(spec, name));
export const serviceOf = (name: string, spec: object = {}) =>
  JSON.stringify({ ...serviceManifest(spec), metadata: { name } });
export const model = modelOf("llama");
export const service = serviceOf("chat");
export const both = `${model}\n---\n${service}`;
export const CHAT = "InferenceService default/chat";
export const LLAMA = "Model default/llama";

export const keys = ({ manifests }: Snapshot) => [...manifests.keys()].sort();
export const faulty = ({ unreadable }: Snapshot) => [...unreadable.keys()].sort();

/** For a suite: before each test a new folder of manifests, and a scanner whose clock runs on at each look. */
export function manifestFolder() {
  let folder = "";
  let scanner: Scanner;
  let now = 0;
  const clock = () => {
    now += MISSED_MS;
    return now;
  };
  const open = (part: Partial<ScannerOptions> = {}) => {
    scanner = folderScanner({ folder, clock, ...part });
  };
  beforeEach(async () => {
    folder = join(await temporaryDirectory(), "manifests");
    await mkdir(folder);
    open();
  });
  const path = (...names: readonly string[]) => join(folder, ...names);
  const write = async (name: string, content: string | Uint8Array) => {
    await mkdir(path(name, ".."), { recursive: true });
    await writeFile(path(name), content);
  };
  /** Looks until nothing is doubtful: what is missing must be missed twice. */
  const scan = async (): Promise<Snapshot> => {
    const { snapshot, doubtful } = await scanner.scan();
    return doubtful ? scan() : snapshot;
  };
  /** The next look is so much sooner than the one after which what is missing counts as gone. */
  const sooner = (milliseconds: number) => {
    now -= milliseconds;
  };
  return { path, open, write, scan, sooner, look: () => scanner.scan() };
}
