// A program that signs a person in with npm's openid-client. It prints where the browser must go, reads from its
// standard input where the browser ended, and prints what it learned as JSON.
import * as readline from "node:readline/promises";

import * as oidc from "openid-client";

const [issuer, clientId, secret, redirectUri, algorithm, signedOut] = process.argv.slice(2);
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const visit = async (address) => {
  console.log(address.href);
  return new URL((await lines.next()).value);
};
const refusal = (promise) => promise.then(() => "nothing", (error) => error.error ?? error.code ?? error.message);

const config = await oidc.discovery(
  new URL(issuer),
  clientId,
  { id_token_signed_response_alg: algorithm, ...(secret ? { client_secret: secret } : {}) },
  secret ? oidc.ClientSecretBasic(secret) : oidc.None(),
  { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] },
);

async function signIn(extra = {}) {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const expectedState = oidc.randomState();
  const expectedNonce = oidc.randomNonce();
  const address = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: "openid profile email roles permissions",
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    state: expectedState,
    nonce: expectedNonce,
    ...extra,
  });
  const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true };
  if (extra.max_age !== undefined) checks.maxAge = Number(extra.max_age);
  return oidc.authorizationCodeGrant(config, await visit(address), checks);
}

const tokens = await signIn();
const claims = tokens.claims();
const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
const renewed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
const reuse = await refusal(oidc.refreshTokenGrant(config, tokens.refresh_token));
const again = await signIn({ max_age: "3600" });
const active = secret ? (await oidc.tokenIntrospection(config, again.access_token)).active : null;
await oidc.tokenRevocation(config, again.access_token);
const revoked = await refusal(oidc.fetchUserInfo(config, again.access_token, claims.sub));
const farewell = oidc.buildEndSessionUrl(config, {
  id_token_hint: again.id_token,
  post_logout_redirect_uri: signedOut,
  state: "bye",
});
const home = await visit(farewell);
const silent = await refusal(signIn({ prompt: "none" }));
console.log(JSON.stringify({ claims, userinfo, renewed: Boolean(renewed.id_token), reuse, active, revoked, home, silent }));
process.exit(0);
