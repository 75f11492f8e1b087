import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { errorCode, errorText } from "../../api/error-code.ts";
import { fail, ok, type Result } from "../../api/result.ts";

const OWNER_ONLY = 0o600;

/** The key of this server: that of last time, or a new one on P-256. Fails where the folder cannot be written. */
export async function readOrMakeKey(path: string): Promise<Result<KeyObject>> {
  try {
    const kept = await keptKey(path);
    if (kept !== undefined) return ok(kept);
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    await writePrivately(path, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
    return ok(privateKey);
  } catch (error) {
    return fail(`the key of the kubelet API cannot be kept at ${path} (${errorText(error)}): check its folder`);
  }
}

/** Undefined where there is none, or none that serves; then a new one takes its place. */
async function keptKey(path: string): Promise<KeyObject | undefined> {
  const pem = await readFile(path, "utf8").catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  });
  try {
    const key = pem === undefined ? undefined : createPrivateKey(pem);
    return key?.asymmetricKeyDetails?.namedCurve === "prime256v1" ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Makes the folder too. Only its owner can read what is in it. */
export async function writePrivately(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileAtomic(path, text, { mode: OWNER_ONLY });
}
