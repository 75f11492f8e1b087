"use strict";
// Only a Node.js that cannot require() an ES module comes here; it would say so in many lines and name no version.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 12)) {
  throw new Error(
    `pulumi-llmkube needs Node.js 22.12 or newer where a program is CommonJS; this is ${process.versions.node}`,
  );
}
