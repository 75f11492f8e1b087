"use strict";
require("./oldest-node.cjs");
module.exports = require("../dist/components/index.js");
