import { delimiter, dirname } from "node:path";
import { Command, CommanderError } from "commander";
import { Listr, ListrLogger, type ListrTask, ProcessOutput } from "listr2";
import { cacheRoot } from "./cache.ts";
import { ensure, find, thisHost } from "./ensure.ts";
import { InterruptError, ToolchainError } from "./errors.ts";
import { pulumiEnvironment } from "./pulumi.ts";
import { shellQuote } from "./shell.ts";
import { DEFAULT_TOOLS, isToolName, TOOL_NAMES, TOOLS, type ToolName } from "./tools.ts";

const EXIT_NOT_READY = 1;
const EXIT_BAD_INPUT = 2;
const EXIT_INTERRUPTED = 130;
/** One build uses all cores; with two at a time, one can download while the other compiles. */
const BUILDS_AT_ONCE = 2;
const TERMINAL_HEARTBEAT_MS = 1000;

const program = new Command("npm run toolchain --")
  .description(
    "Finds or builds the real servers that tests and the demo need. A tool on PATH takes precedence over one in the cache; if " +
      "there is neither, a pinned version is built from the package registries.",
  )
  .addHelpText("after", `\nTools: ${TOOL_NAMES.join(", ")}\nCache: ${cacheRoot()}`)
  .exitOverride();

program
  .command("build", { isDefault: true })
  .description("find or build the named tools; without a name, all tools that tests and the demo need")
  .argument("[names...]")
  .action(async (names: string[]) => {
    const paths = await ensureAll(names.length === 0 ? DEFAULT_TOOLS : names.map(toolName));
    for (const [name, path] of paths) console.log(`${name.padEnd(24)} ${path}`);
  });

program
  .command("list")
  .description("show where each tool was found, without building any")
  .action(async () => {
    for (const name of TOOL_NAMES) {
      const found = await find(name, TOOLS[name], thisHost());
      const where = found.at === "missing" ? `would build ${TOOLS[name].recipe.about}` : found.path;
      console.log(`${name.padEnd(24)} ${found.at.padEnd(8)} ${where}`);
    }
  });

program
  .command("env")
  .description('print export commands that put pulumi and llama-server on PATH: eval "$(npm run -s toolchain -- env)"')
  .action(async () => {
    const paths = await ensureAll(["pulumi", "llama-server"]);
    const { env } = await pulumiEnvironment({ report: (line) => console.error(line) });
    const { PATH: pulumiPath = "", ...variables } = env;
    const inherited = delimiter + (process.env["PATH"] ?? "");
    const added = pulumiPath.endsWith(inherited) ? pulumiPath.slice(0, -inherited.length) : pulumiPath;
    const folders = [dirname(paths.get("llama-server") ?? ""), ...added.split(delimiter)];
    console.log(`export PATH=${shellQuote(folders.join(delimiter))}:"$PATH"`);
    for (const [name, value] of Object.entries(variables)) console.log(`export ${name}=${shellQuote(value)}`);
  });

/**
 * Progress goes to standard error: one spinner for each tool on a terminal, plain lines elsewhere. If a tool fails, the
 * others are built all the same; an interrupt stops everything.
 */
async function ensureAll(names: readonly ToolName[]): Promise<Map<ToolName, string>> {
  const paths = new Map<ToolName, string>();
  const terminal = process.stderr.isTTY;
  let interrupted: InterruptError | undefined;
  const tasks = names.map(
    (name): ListrTask => ({
      title: name,
      skip: () => interrupted !== undefined,
      task: async (_, task) => {
        const show = (line: string) => {
          task.output = line;
        };
        try {
          const host = terminal ? thisHost(show, TERMINAL_HEARTBEAT_MS) : thisHost();
          const path = await ensure(name, TOOLS[name], host);
          paths.set(name, path);
          task.title = `${name}: ${path}`;
        } catch (error) {
          if (error instanceof InterruptError) interrupted = error;
          else if (!terminal) console.error(messageOf(error));
          throw error;
        }
      },
    }),
  );
  await new Listr(tasks, {
    concurrent: BUILDS_AT_ONCE,
    exitOnError: false,
    registerSignalListeners: false,
    renderer: terminal ? "default" : "silent",
    rendererOptions: {
      logger: new ListrLogger({ useIcons: false, processOutput: new ProcessOutput(process.stderr, process.stderr) }),
    },
  }).run();
  if (interrupted !== undefined) throw interrupted;
  const missing = names.filter((name) => !paths.has(name));
  if (missing.length > 0) throw new ToolchainError(`Not ready: ${missing.join(", ")}.`);
  return paths;
}

function toolName(text: string): ToolName {
  if (isToolName(text)) return text;
  return program.error(
    `There is no tool "${text}": the tools are ${TOOL_NAMES.join(", ")}; other commands are list and env.`,
    { exitCode: EXIT_BAD_INPUT },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_BAD_INPUT;
  } else {
    process.exitCode = error instanceof InterruptError ? EXIT_INTERRUPTED : EXIT_NOT_READY;
    console.error(messageOf(error));
  }
}
