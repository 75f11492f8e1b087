const linuxOnly = require("./test/support/linux-only.json");

module.exports = {
  extension: ["ts"],
  require: ["./test/support/no-header-cache.ts", "./test/support/private-claims.ts"],
  reporter: "./test/support/reporter.ts",
  timeout: 20000,
  "forbid-only": true,
  // test/support/linux-only.test.ts names each of them, with the reason, where it is left out.
  ignore: process.platform === "linux" ? [] : linuxOnly.map(({ file }) => file),
};
