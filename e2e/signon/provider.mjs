//! A real OpenID Connect provider (oidc-provider) on this machine: two people, and a client for each algorithm of signatures.
import { createServer } from 'node:http'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import Provider from 'oidc-provider'

export const ALGORITHMS = ['RS256', 'PS256', 'ES256']
export const SECRET = 'a-client-secret-for-this-test-only-0123456789'

const PEOPLE = {
  wei: { preferred_username: 'wei@example.com', name: 'Wei', groups: ['menshen-admins', 'staff'], email: 'wei@example.com', email_verified: true },
  guest: { preferred_username: 'guest', name: 'Guest', groups: ['visitors'], email: 'guest@example.com', email_verified: true },
}

const key = (kind, options, alg) => ({ ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }), kid: randomBytes(6).toString('hex'), use: 'sig', ...(alg ? { alg } : {}) })

/** Starts it; `consoleUrl` is where browsers are sent back to. */
export async function startProvider(port, consoleUrl) {
  const issuer = `http://127.0.0.1:${port}`
  const provider = new Provider(issuer, {
    clients: ALGORITHMS.map((alg) => ({
      client_id: `menshen-${alg}`, client_secret: SECRET, grant_types: ['authorization_code'], response_types: ['code'],
      redirect_uris: [`${consoleUrl}/console/api/oidc/callback`], post_logout_redirect_uris: [`${consoleUrl}/console/`],
      token_endpoint_auth_method: 'client_secret_basic', id_token_signed_response_alg: alg,
    })),
    jwks: { keys: [key('rsa', { modulusLength: 2048 }), key('ec', { namedCurve: 'P-256' }, 'ES256')] },
    enabledJWA: { idTokenSigningAlgValues: ALGORITHMS },
    claims: { openid: ['sub'], profile: ['preferred_username', 'name', 'groups'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    features: { devInteractions: { enabled: true } },
    findAccount: (_, id) => (PEOPLE[id] ? { accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) } : undefined),
  })
  const errors = []
  for (const event of ['server_error', 'authorization.error', 'grant.error']) provider.on(event, (_, error) => errors.push(`${event}: ${error.message} ${error.error_description ?? ''}`))
  const server = createServer(provider.callback())
  await new Promise((done) => server.listen(port, '127.0.0.1', done))
  return { issuer, errors, stop: () => new Promise((done) => { server.closeAllConnections(); server.close(done) }) }
}
