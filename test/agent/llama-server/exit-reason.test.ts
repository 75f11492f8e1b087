import assert from "node:assert/strict";
import { exitReason, testFailure } from "../../../agent/llama-server/exit-reason.ts";

describe("why a server exited", () => {
  const cases = [
    [{ code: null, signal: "SIGKILL" }, "", "Killed"],
    [{ code: null, signal: "SIGABRT" }, "boom", "Crashed"],
    [{ code: 1, signal: null }, "last words", "Exited"],
    [{ code: 1, signal: null }, "llama_model_load: error loading model: x", "LoadFailed"],
    [{ code: 1, signal: null }, "error: invalid argument: --x", "BadFlag"],
    [{ code: 1, signal: null }, "couldn't bind HTTP server socket, hostname: 127.0.0.1", "PortInUse"],
    [
      { code: null, signal: "SIGABRT" },
      "error: Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)",
      "MetalOutOfMemory",
    ],
  ] as const;
  for (const [exit, log, reason] of cases) {
    it(`${exit.signal ?? exit.code} and ${JSON.stringify(log)}: ${reason}`, () => {
      assert.equal(exitReason(exit, log).reason, reason);
    });
  }

  const logs: ReadonlyArray<readonly [about: string, log: string, message: RegExp]> = [
    [
      "the first error where no other line is known",
      `0.00.000.9 I srv  llama_server: initializing ...
0.00.483.460 E llama_init_from_model: a new reason
0.00.530.686 E common_fit_params: encountered an error while trying to fit params to free device memory: failed to load model
0.00.987.289 E cmn  common_init_: failed to create context with model '/m.gguf'
0.00.987.292 E srv    load_model: failed to create_context with model '/m.gguf'
0.00.987.295 I srv    operator(): operator(): cleaning up before exit...
0.00.987.910 E srv  llama_server: exiting due to model loading error`,
      /: it could not load the model; it said: a new reason$/,
    ],
    [
      "Metal that gives no memory",
      `0.04.345.896 E ggml_metal_buffer_init: error: failed to allocate buffer, size = 40960.00 MiB
0.04.713.820 E llama_init_from_model: failed to initialize the context: failed to allocate buffer for kv cache`,
      /: the GPU ran out of memory: lower contextSize.*; it said: failed to allocate buffer, size = 40960\.00 MiB$/,
    ],
    [
      "weights that Metal has no room for",
      "0.04.1.1 E llama_model_load: error loading model: unable to allocate MTL0_Mapped buffer",
      /: it could not allocate memory: lower contextSize.*; it said: unable to allocate MTL0_Mapped buffer$/,
    ],
    [
      "a library that Homebrew has replaced",
      `dyld[812]: Library not loaded: @rpath/libggml-base.0.dylib
  Referenced from: <4C4C44D4> /opt/homebrew/Cellar/llama.cpp/6000/bin/llama-server
  Reason: tried: '/opt/homebrew/lib/libggml-base.0.dylib' (no such file)`,
      /: a library .* install llama\.cpp anew; it said: Library not loaded: @rpath\/libggml-base\.0\.dylib$/,
    ],
    [
      "a projector of another model",
      `0.01.481.082 E mtmd_init_from_file: error: mismatch between text model (n_embd = 640) and mmproj (n_embd = 1152)
hint: you may be using wrong mmproj
0.01.481.100 E srv    load_model: failed to load multimodal model, '/p.gguf'`,
      /: the projector is of another model: .*; it said: mismatch between text model \(n_embd = 640\) and mmproj/,
    ],
    [
      "a projector of tomorrow",
      "0.01.4.2 E clip_init: failed to load model '/p.gguf': load_hparams: unknown projector type: holo\n0.01.4.3 E srv    load_model: failed to load multimodal model, '/p.gguf'",
      /update llama\.cpp.*unknown projector type: holo$/,
    ],
    [
      "a file that the system does not let it read",
      "0.00.005.4 E gguf_init_from_file: failed to open GGUF file '/Volumes/x/m.gguf' (Operation not permitted)",
      /: it may not read a file: .*\(Operation not permitted\)$/,
    ],
    [
      "an assertion, without where it was built",
      "/Users/ci/work/llama.cpp/ggml/src/gguf.cpp:1139: GGML_ASSERT(key_id >= 0) failed",
      /it said: gguf\.cpp:1139: GGML_ASSERT\(key_id >= 0\) failed$/,
    ],
    [
      "no word of a client's",
      `0.01.298.245 I srv  llama_server: model loaded
0.09.1.1 E srv    operator(): got exception: {"error": "Insufficient Memory, failed to allocate"}
0.09.1.1 W srv    parse: error: invalid argument: unknown model architecture`,
      /^llama-server exited \(exit code 1\); last log line: /,
    ],
  ];
  for (const [about, log, expected] of logs) {
    it(`tells ${about}`, () => {
      assert.match(exitReason({ code: 1, signal: null }, log).message, expected);
    });
  }

  it("tells of a healthy server's faults only those that it can have", () => {
    const log = "0.00.1.1 E srv         start: couldn't bind HTTP server socket";
    assert.equal(testFailure("500", log).reason, "TestRequestFailed");
    assert.equal(testFailure("500", "0.00.1.1 E ggml_backend: failed to allocate 12 bytes").reason, "OutOfMemory");
  });

  it("shows the last log line, truncated, if the reason is unknown", () => {
    const { message } = exitReason({ code: 3, signal: null }, `first\n${"x".repeat(1000)}\n`);
    assert.equal(message, `llama-server exited (exit code 3); last log line: ${"x".repeat(200)}`);
  });
});
