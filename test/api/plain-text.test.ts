import assert from "node:assert/strict";
import fc from "fast-check";
import { escaped, plainJson, plainLine, plainText, plainTexts, quoted } from "../../api/plain-text.ts";

/** What no output may hold, as code points. */
function isCommand(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  if (code === 0x0a) return false;
  if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return true;
  if (code >= 0xd800 && code <= 0xdfff) return true;
  return [0x61c, 0x200e, 0x200f, 0x2028, 0x2029].includes(code) || inBidi(code);
}

function inBidi(code: number): boolean {
  return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

const anyText = fc.string({ unit: "binary" });
/** Halves of pairs, too. */
const brokenText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((codes) => String.fromCharCode(...codes));

describe("plain text", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["a title of a terminal", "a\u001b]0;owned\u0007b", "a\ufffd]0;owned\ufffdb"],
    ["an escape of one byte", "\u009b2Jx", "\ufffd2Jx"],
    ["DEL and NUL", "a\u007f\0", "a\ufffd\ufffd"],
    ["marks of direction", "\u202egpj.exe\u2066", "\ufffdgpj.exe\ufffd"],
    ["half a pair", "a\ud83d", "a\ufffd"],
    ["separators of lines", "a\u2028b\u2029", "a\ufffdb\ufffd"],
    ["a line that is written over", "ok\rbad\r\n", "ok\ufffdbad\n"],
    ["a tab", "a\tb", "a b"],
    ["words of all languages", "Łódź, 東京 👩‍💻 नमस्ते é", "Łódź, 東京 👩‍💻 नमस्ते é"],
  ];
  for (const [what, text, plain] of cases) {
    it(`shows ${what}`, () => assert.equal(plainText(text), plain));
  }

  it("holds nothing that a terminal obeys, whatever it was made of, and stays as it is", () => {
    fc.assert(
      fc.property(fc.oneof(anyText, brokenText), (text) => {
        const plain = plainText(text);
        assert.ok(![...plain].some(isCommand));
        assert.equal(plainText(plain), plain);
        assert.ok(!plainLine(text).includes("\n"));
        assert.ok(![...quoted(text)].some(isCommand));
      }),
    );
  });

  it("leaves JSON what it means, for programs", () => {
    fc.assert(
      fc.property(fc.oneof(anyText, brokenText), (text) => {
        const json = plainJson({ text });
        assert.ok(![...json].some(isCommand));
        assert.deepEqual(JSON.parse(json), { text });
        assert.deepEqual(JSON.parse(escaped(JSON.stringify([text]))), [text]);
      }),
    );
  });

  it("is made of all texts in an object", () => {
    const made = plainTexts({ a: "\u001b", b: [{ c: "\u009b" }, 1], d: undefined, e: true });
    assert.deepEqual(made, { a: "\ufffd", b: [{ c: "\ufffd" }, 1], d: undefined, e: true });
  });
});
