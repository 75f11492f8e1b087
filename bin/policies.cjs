"use strict";
require("./oldest-node.cjs");
module.exports = require("../dist/policies/index.js");
