import { writeFileSync } from "node:fs";
import { registerHooks } from "node:module";

// For `node --import`: when the process ends, the URL of each module that it loaded is a line of the file that LIST_MODULES names.
const urls = new Set<string>();
registerHooks({
  load: (url, context, next) => {
    urls.add(url);
    return next(url, context);
  },
});
process.once("exit", () => writeFileSync(process.env["LIST_MODULES"] ?? "", [...urls].join("\n")));
