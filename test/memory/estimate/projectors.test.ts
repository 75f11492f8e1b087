import assert from "node:assert/strict";
import { join } from "node:path";
import { MiB } from "../../../api/bytes.ts";
import { encoderBytes } from "../../../memory/estimate/projector.ts";
import { type WriterValue, writeGgufFile } from "../../support/gguf-writer.ts";
import { readProjectors } from "../../support/projector-cases.ts";
import { projectorModel } from "../../support/projector-shapes.ts";
import { PROJECTOR_SHAPES } from "../../support/published-projectors.ts";
import { SETTINGS } from "../../support/settings.ts";
import { headerOf } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const { llamaCpp, projectors } = readProjectors();
/** Off by more than 5 % or 24 MiB on the safe side, in MiB: what the allocator leaves unused depends on the sizes. */
const LOOSE: Readonly<Record<string, number>> = { "qwen2-vl-7b": 121 };

// What `npm run bench:projectors` recorded on the CPU, for the largest image that each takes.
describe("estimate, against recorded projectors", () => {
  for (const [name, cases] of Object.entries(projectors)) {
    for (const { flashAttention, width, image, computeMiB } of cases) {
      const what = `${name}, width ${width}, ${image ?? "at the start"}, -fa ${flashAttention ? "on" : "off"}`;
      it(what, async () => {
        const shape = PROJECTOR_SHAPES[name];
        assert.ok(shape !== undefined, `there is no projector ${name}`);
        const path = join(await temporaryDirectory(), "mmproj.gguf");
        await writeGgufFile(path, projectorModel(shape.of(width)));
        const isSound = shape.of(width).largest === undefined;
        const prefix = isSound ? "clip.audio" : "clip.vision";
        const found = encoderBytes(await headerOf(path), prefix, { ...SETTINGS, backend: "cpu", flashAttention });
        assert.ok(found.ok, JSON.stringify(found));
        // Scores and masks grow with the square of the patches, all else with their number.
        const isLinear = flashAttention && !name.startsWith("qwen2.5");
        const share = image === undefined && isLinear ? (shape.start ?? 1) : 1;
        const mib = (share * found.value) / MiB;
        const words = `${mib.toFixed(2)} MiB, llama.cpp ${llamaCpp} reserves ${computeMiB} MiB`;
        assert.ok(mib >= computeMiB - 0.005, `${words}: too low`);
        if (image === undefined && !isSound) return;
        assert.ok(mib - computeMiB <= Math.max(0.05 * computeMiB, LOOSE[name] ?? 24), `${words}: too high`);
      });
    }
  }
});

describe("estimate, a projector's largest input", () => {
  const VISION = {
    "general.architecture": "clip",
    "clip.vision.block_count": 2,
    "clip.vision.embedding_length": 64,
    "clip.vision.feed_forward_length": 128,
    "clip.vision.attention.head_count": 4,
    "clip.vision.image_size": 448,
    "clip.vision.patch_size": 14,
  };
  const EACH = 4 * (3 * 128 + 6 * 64);

  async function bytesOf(keys: Readonly<Record<string, WriterValue>>): Promise<number> {
    const path = join(await temporaryDirectory(), "mmproj.gguf");
    await writeGgufFile(path, { metadata: { ...VISION, ...keys } });
    const found = encoderBytes(await headerOf(path), "clip.vision", { ...SETTINGS, backend: "cpu" });
    assert.ok(found.ok, JSON.stringify(found));
    return found.value;
  }

  const cases: readonly (readonly [string, Readonly<Record<string, WriterValue>>, patches: number])[] = [
    ["the file's size where every image is cropped to it", { "clip.projector_type": "gemma3" }, 1024],
    ["one tile that is a whole batch", { "clip.projector_type": "internvl" }, 1024],
    ["four tiles at once", { "clip.projector_type": "internvl", "clip.vision.projector.scale_factor": 2 }, 4096],
    ["4096 tokens of 2 x 2 patches where nothing else is known", { "clip.projector_type": "glm4v" }, 16_384],
    ["1024 tokens of one patch", { "clip.projector_type": "pixtral" }, 1024],
    ["1024 tokens of 2 x 2 patches", { "clip.projector_type": "pixtral", "clip.vision.spatial_merge_size": 2 }, 4096],
    [
      "the pixels that the file allows",
      { "clip.projector_type": "dots_ocr", "clip.vision.image_max_pixels": 11_289_600 },
      57_600,
    ],
    [
      "the longest side that the file allows",
      { "clip.projector_type": "lightonocr", "clip.vision.preproc_image_size": 2800 },
      40_000,
    ],
    ["16384 tokens of 2 x 2 patches", { "clip.projector_type": "hunyuanvl" }, 65_536],
  ];
  for (const [what, keys, patches] of cases) {
    it(`is ${what}`, async () => assert.equal(await bytesOf(keys), patches * EACH));
  }

  it("has two masks of all patches where layers see a window only", async () => {
    const keys = { "clip.projector_type": "mimovl", "clip.vision.window_size": 64 };
    assert.equal(await bytesOf(keys), 16_384 * (EACH + 4 * 2 * 16_384));
  });
});
