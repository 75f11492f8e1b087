import assert from "node:assert/strict";
import { pictureSvg } from "../../../cli/plan/svg.ts";
import type { Picture, Share } from "../../../memory/picture/picture.ts";

const GIB = 2 ** 30;
const share = (name: string, gibibytes: number): Share => ({ name, bytes: gibibytes * GIB, mayRun: false });
const picture: Picture = {
  hosts: [
    { name: "mini", allocatableBytes: 8 * GIB, before: [share("team/old", 4)], after: [share("team/new", 4)] },
    {
      name: "studio-of-the-search-team-1",
      allocatableBytes: 64 * GIB,
      before: undefined,
      after: [share("team/<b>", 8), share("team/new", 4)],
    },
  ],
  services: 2,
  out: [],
  displaced: [{ name: "team/<theirs>", why: "its 8.0 GiB on mini yield to default/high, which has a higher priority" }],
  resting: [{ name: "default/asleep", why: "3.0 GiB on mini" }],
  partly: [],
  refused: [],
  unknown: [],
};

describe("the picture as SVG", () => {
  const svg = pictureSvg(picture);
  const colours = (model: string) =>
    [...svg.matchAll(/fill="(#\w+)"><title>([^:]+):/g)].filter(([, , name]) => name === model).map(([, fill]) => fill);

  it("says who takes turns and sleeps", () => {
    assert.match(svg, />default\/asleep takes turns, and sleeps until a request: 3\.0 GiB on mini</);
  });

  it("gives a model one colour on all Macs, and another model another one", () => {
    const [first, second, ...more] = colours("team/new");
    assert.deepEqual([first, more], [second, []]);
    assert.notDeepEqual(colours("team/old"), [first]);
  });

  it("cuts a name that the column does not hold, and keeps it whole for who points at it", () => {
    assert.match(svg, /<title>studio-of-the-search-team-1<\/title><text [^>]*>studio-of-the-searc…<\/text>/);
  });

  it("lets no name be markup", () => {
    assert.match(svg, /team\/&lt;b&gt;: 8\.0 GiB/);
    assert.doesNotMatch(svg, /<b>/);
  });

  it("draws one bar where nobody knows what was before", () => {
    assert.deepEqual(
      [...svg.matchAll(/>(before|after)</g)].map(([, word]) => word),
      ["before", "after", "after"],
    );
  });
});
