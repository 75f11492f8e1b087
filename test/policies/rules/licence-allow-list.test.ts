import { licenceAllowList } from "../../../policies/rules/licence-allow-list.ts";
import { UNKNOWN } from "../analyse.ts";
import { matches, modelFile, reports, reportsOf } from "./table.ts";

const allow = ["Apache-2.0", "gemma", "Llama 3.2 Community"];
const ALLOWED =
  "Allowed are Apache-2.0, gemma, Llama 3.2 Community (allow in the configuration of licence-allow-list).";

const headers: ReadonlyArray<
  readonly [header: Readonly<Record<string, string | number>>, found: readonly (string | RegExp)[]]
> = [
  [{ "general.license": "apache-2.0" }, []],
  [{ "general.license": " GEMMA " }, []],
  [{ "general.license": "other", "general.license.name": "llama 3.2 community" }, []],
  [
    { "general.license": "cc-by-nc-4.0", "general.license.name": "gemma" },
    [`Model default/gemma: its licence is cc-by-nc-4.0 (its header says so). ${ALLOWED}`],
  ],
  [{ "general.license": "other", "general.license.name": "mine\u0007alone" }, [/its licence is mine alone \(/]],
  [{ "general.license": "other" }, [/its licence is other \(/]],
  [{ "general.license": 7 }, [/names no licence/]],
  [{}, [/^Model default\/gemma: the header of \S+\/model\.gguf names no licence\. Allowed are /]],
];

describe("licence-allow-list", () => {
  for (const [header, found] of headers) {
    it(`${found.length === 0 ? "accepts" : "refuses"} ${JSON.stringify(header)}`, async () => {
      const model = { source: await modelFile(header) };
      matches(await reportsOf(licenceAllowList, { model, config: { allow } }), found);
    });
  }

  it("notes what is not known where it is told to", async () => {
    const config = { allow, onUnknown: "warn" };
    matches(await reportsOf(licenceAllowList, { model: { source: await modelFile({}) }, config }), [
      /^note: .* names no licence/,
    ]);
    matches(await reportsOf(licenceAllowList, { model: { source: "/no/such.gguf" }, config }), [
      /^note: .* its licence is not known, because its header cannot be read: \/no\/such\.gguf: /,
    ]);
  });

  reports(licenceAllowList, [
    { it: "allows every licence where none is listed", model: { source: "/no/such.gguf" }, reports: [] },
    {
      it: "refuses a header that cannot be read",
      model: { source: "/no/such.gguf" },
      config: { allow },
      reports: [
        /^Model default\/gemma: its licence is not known, because its header cannot be read: .*\/no\/such\.gguf/,
      ],
    },
    {
      it: "reads no header of other formats",
      model: { source: "/no/such", format: "mlx" },
      config: { allow },
      reports: [],
    },
    {
      it: "waits for a source that is not known yet",
      model: { source: UNKNOWN },
      config: { allow },
      reports: ["note: Model default/gemma: spec.source is not known yet and will be checked during the update."],
    },
    {
      it: "refuses a configuration that it does not understand",
      config: { allow: [1] },
      reports: [/^The configuration of licence-allow-list: allow\[0\] is 1, a number; it must be text/],
    },
  ]);
});
