import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { temporaryDirectory } from "../support/workspace.ts";
import { analyse } from "./analyse.ts";
import { model } from "./manifests.ts";

describe("memory-fits, told to warn of what cannot be read", () => {
  it("lets pass unchecked what may be read elsewhere, never what is wrong everywhere", async () => {
    const config = { "memory-fits": { onUnreachable: "warn", onUnknownArchitecture: "warn" } };
    const broken = join(await temporaryDirectory(), "broken.gguf");
    await writeFile(broken, "these are notes, not weights");
    const answering = createServer((request, response) => {
      response.writeHead(Number(request.url?.slice(1, 4)), { "retry-after": "3600" }).end();
    });
    await new Promise<void>((resolve) => answering.listen(0, "127.0.0.1", resolve));
    const { port } = answering.address() as AddressInfo;
    const reportOn = async (source: string) => {
      const [report = ""] = await analyse(model({ source, hardware: { accelerator: "metal", memoryBudget: "1Gi" } }), {
        config,
      });
      return report;
    };
    try {
      const elsewhere = [
        "/on/the/mac.gguf",
        "pvc://claim/m.gguf",
        ...[401, 403, 404, 429].map((status) => `http://127.0.0.1:${port}/${status}.gguf`),
      ];
      for (const source of elsewhere) {
        assert.match(
          await reportOn(source),
          /^memory-notes: Model default\/gemma: whether it fits is not known/,
          source,
        );
      }
      const refused = await reportOn(broken);
      assert.match(refused, /^memory-fits: .*because its header cannot be read: .*broken\.gguf: not a GGUF file/);
      assert.doesNotMatch(refused, /onUnreachable/);
    } finally {
      answering.close();
    }
  });

  it("holds the declared size of a file that cannot be read from here to the budget", async () => {
    const source = "/on/the/mac.gguf";
    const reportsOn = async (memoryBudget: string, sizes: object) =>
      await analyse(model({ source, hardware: { accelerator: "metal", memoryBudget } }), {
        config: { "memory-fits": { sizes } },
      });
    const [noted = "", ...more] = await reportsOn("8Gi", { [source]: "4Gi" });
    assert.match(
      noted,
      /^memory-notes: Model default\/gemma: its weights alone are 4\.0 GiB \(declared in sizes\), within the budget 8\.0 GiB \(absolute from CRD\); the rest of its need is not known, because its header cannot be read: /,
    );
    assert.deepEqual(more, []);
    const [refused = ""] = await reportsOn("3Gi", { [source]: "4Gi" });
    assert.match(
      refused,
      /^memory-fits: Model default\/gemma does not fit: its weights alone are 4\.0 GiB \(declared in sizes\), budget 3\.0 GiB \(absolute from CRD\)\.\nWhat would fit: /,
    );
    const [other = ""] = await reportsOn("8Gi", { "/another.gguf": "4Gi" });
    assert.match(other, /^memory-fits: .*\nTo let it pass unchecked, set onUnreachable/);
  });
});
