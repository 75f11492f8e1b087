import { parentPort, workerData } from "node:worker_threads";
import { parseKeys } from "./key-file.ts";

// A thread of its own for a large file of keys.
parentPort?.postMessage(parseKeys(String(workerData)));
