import { randomBytes, randomUUID } from "node:crypto";
import { chmod, link, mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../../api/error-code.ts";

const OWNER_ONLY = 0o600;

/**
 * The variables that tell Pulumi the passphrase of a stack's secrets: none where the user has set one, else a file of mode 600 with a
 * passphrase that is made once. A file, so that it is in no environment that `ps` shows.
 */
export async function passphraseVariables(
  env: NodeJS.ProcessEnv,
  folder: string,
): Promise<Readonly<Record<string, string>>> {
  if (env["PULUMI_CONFIG_PASSPHRASE"] !== undefined || env["PULUMI_CONFIG_PASSPHRASE_FILE"] !== undefined) return {};
  const file = join(folder, "passphrase");
  await ensurePassphrase(folder, file);
  return { PULUMI_CONFIG_PASSPHRASE_FILE: file };
}

/** Never overwrites one: without the old passphrase the secrets of old stacks are lost. */
async function ensurePassphrase(folder: string, file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found !== undefined) {
    if ((found.mode & 0o077) !== 0) await chmod(file, OWNER_ONLY);
    return;
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const fresh = join(folder, `passphrase-${randomUUID()}`);
  await writeFile(fresh, `${randomBytes(32).toString("base64url")}\n`, { mode: OWNER_ONLY });
  try {
    // Unlike rename, this leaves the file of another run that was quicker.
    await link(fresh, file);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  } finally {
    await rm(fresh, { force: true });
  }
}
