// Two processes that share the port, as Node's documentation advises.
import cluster from "node:cluster";
import { createServer } from "node:http";
import { toNodeHandler } from "better-auth/node";
import { auth } from "./auth.mjs";

if (cluster.isPrimary) {
  const workers = Number(process.env.WORKERS);
  for (let number = 0; number < workers; number += 1) cluster.fork();
  process.on("SIGINT", () => process.exit(0));
} else {
  createServer(toNodeHandler(auth)).listen(Number(process.env.PORT), "127.0.0.1");
}
