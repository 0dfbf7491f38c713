// Make the tables; print the hash of $PASSWORD.
import { hashPassword } from "better-auth/crypto";
import { getMigrations } from "better-auth/db/migration";
import { auth, pool } from "./auth.mjs";

const { runMigrations } = await getMigrations(auth.options);
await runMigrations();
await pool.query('CREATE INDEX ON "user" ("createdAt")');
console.log(await hashPassword(process.env.PASSWORD));
await pool.end();
