// Tests neither read nor fill the user's own cache; child processes inherit this. Tests of the cache name a folder.
process.env["PULUMI_LLMKUBE_HEADER_CACHE"] = "off";
