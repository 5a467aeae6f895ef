//! The whole way of a sign-on as somebody in a browser goes it: sign-in page, the provider's pages, back, signed in, signed out; then what
//! must not work. Against the built program and a real provider.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { mkdirSync } from 'node:fs'
import { freePort, start } from '../console/program.mjs'
import { ALGORITHMS, SECRET, startProvider } from './provider.mjs'

const { chromium } = createRequire(new URL('../../web/console/package.json', import.meta.url))('@playwright/test')
const pictures = process.env.PICTURES
if (pictures) mkdirSync(pictures, { recursive: true })

const config = (issuer, url, alg) => `
packs = ["base"]
[guard.judge]
enabled = false
[console]
public_url = "${url}"
[console.oidc]
issuer = "${issuer}"
client_id = "menshen-${alg}"
client_secret_env = "MENSHEN_OIDC_CLIENT_SECRET"
title = "Example ID"
logout = true
allowed_domains = ["example.com"]
[[console.oidc.mapping]]
value = "menshen-admins"
roles = ["owner"]
`

async function throughProvider(page, name) {
  await page.getByPlaceholder(/login/i).fill(name)
  await page.getByPlaceholder(/password/i).fill('any')
  await page.getByRole('button', { name: /sign-in/i }).click()
  await page.getByRole('button', { name: /continue/i }).click()
}

const picture = async (page, name) => { if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true }) }

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })
const port = await freePort()
const url = `http://127.0.0.1:${port}`
const provider = await startProvider(await freePort(), url)
let failed = false
try {
  for (const alg of ALGORITHMS) {
    const program = await start({ port, upstream: false, config: config(provider.issuer, url, alg), env: { MENSHEN_OIDC_CLIENT_SECRET: SECRET } })
    try {
      const context = await browser.newContext({ locale: 'en', viewport: { width: 1280, height: 900 } })
      const page = await context.newPage()
      const complaints = []
      page.on('pageerror', (error) => complaints.push(String(error)))
      page.on('console', (message) => { if (/Content.Security.Policy/i.test(message.text())) complaints.push(message.text()) })
      // The first account is the provider's, too: its group is mapped to owner.
      await page.addInitScript(() => { if (location.pathname.startsWith('/console')) localStorage.setItem('menshen.language', 'en') })
      const owner = await fetch(`${url}/console/api/setup`).then((r) => r.json())
      assert.deepEqual(owner.sign_on, { title: 'Example ID' })
      if (owner.needed) await fetch(`${url}/console/api/setup/owner`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: 'first', password: 'tall trees at dusk', token: program.setupToken }) }).then((r) => assert.equal(r.status, 200, 'the first account'))
      await page.goto(`${url}/console/`)
      await page.getByRole('button', { name: 'Sign in with Example ID' }).waitFor()
      await picture(page, 'sign_in')
      await page.getByRole('button', { name: 'Sign in with Example ID' }).click()
      await page.waitForURL(`${provider.issuer}/**`)
      await throughProvider(page, 'wei')
      await page.waitForURL(`${url}/console/**`)
      await page.locator('main h1').first().waitFor()
      const me = await page.evaluate(() => fetch('/console/api/session').then((r) => r.json()))
      assert.equal(me.name, 'wei@example.com')
      assert.deepEqual(me.roles, ['owner'])
      assert.ok(!page.url().includes('code='), page.url())
      const cookies = await context.cookies(url)
      assert.deepEqual(cookies.filter((c) => c.name.startsWith('menshen')).map((c) => [c.name, c.httpOnly, c.sameSite]), [['menshen_session', true, 'Strict']])
      await page.goto(`${url}/console/#/people`)
      await page.getByText('single sign-on').waitFor()
      await picture(page, 'people')
      // A second browser, ended from here.
      const again = await browser.newContext({ locale: 'en' })
      const second = await again.newPage()
      await second.goto(`${url}/console/`)
      await second.getByRole('button', { name: 'Sign in with Example ID' }).click()
      await throughProvider(second, 'wei')
      await second.locator('main h1').first().waitFor()
      await page.getByRole('button', { name: 'End my other sessions' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'End', exact: true }).click()
      await page.getByText('1 sessions ended').waitFor()
      assert.equal(await second.evaluate(() => fetch('/console/api/session').then((r) => r.status)), 401)
      assert.equal(await page.evaluate(() => fetch('/console/api/session').then((r) => r.status)), 200)
      await again.close()
      // Signing out ends the provider's session as well: it asks, and comes back.
      const csrf = me.csrf
      const out = await page.evaluate((token) => fetch('/console/api/session', { method: 'DELETE', headers: { 'x-menshen-csrf': token } }).then((r) => r.json()), csrf)
      await page.goto(out.provider)
      await page.getByRole('button', { name: /yes, sign me out/i }).click()
      await page.waitForURL(`${url}/console/**`)
      await page.getByRole('button', { name: 'Sign in with Example ID' }).click()
      await page.waitForURL(`${provider.issuer}/**`)
      await page.getByPlaceholder(/login/i).waitFor()
      // Somebody the mapping does not know.
      await throughProvider(page, 'guest')
      await page.waitForURL(`${url}/console/**`)
      await page.getByText('You are known, but you have no role here.').waitFor()
      assert.ok(!page.url().includes('sign_on='), 'the address is cleaned')
      await picture(page, 'no_role')
      assert.equal(await page.evaluate(() => fetch('/console/api/session').then((r) => r.status)), 401)
      // Who cancels is told so.
      const cancelled = await browser.newContext({ locale: 'zh-CN' })
      const third = await cancelled.newPage()
      await third.addInitScript(() => { if (location.pathname.startsWith('/console')) localStorage.setItem('menshen.language', 'zh') })
      await third.goto(`${url}/console/`)
      await third.getByRole('button', { name: '通过 Example ID 登录' }).click()
      await third.getByRole('link', { name: /cancel/i }).click()
      await third.waitForURL(`${url}/console/**`)
      await third.getByText('登录服务拒绝了本次登录').waitFor()
      await third.setViewportSize({ width: 390, height: 844 })
      await picture(third, 'denied_zh_phone')
      // What the address says is one of our codes or nothing: no text of strangers, no script.
      await third.goto(`${url}/console/?sign_on=%3Cimg%20src%3Dx%20onerror%3Dwindow.__owned%3D1%3E`)
      await third.getByRole('button', { name: '通过 Example ID 登录' }).waitFor()
      assert.equal(await third.getByRole('alert').count(), 0)
      assert.equal(await third.evaluate(() => window.__owned), undefined)
      // An address with somebody else's answer leads to the sign-in page, signed out.
      await third.goto(`${url}/console/api/oidc/callback?code=x&state=y&next=https://evil.example`)
      await third.waitForURL(`${url}/console/**`)
      await third.getByText('并非由此浏览器发起').waitFor()
      await cancelled.close()
      assert.deepEqual(complaints, [])
      assert.ok(!program.output.includes(SECRET), 'the secret is in the log')
      await context.close()
      console.log(`ok ${alg}: signed on, ended elsewhere, signed out at the provider, no role, cancelled`)
    } finally {
      await program.stop()
    }
  }
  assert.deepEqual(provider.errors.filter((e) => !e.includes('access_denied') && !e.startsWith('authorization.error: access_denied')), [])
} catch (error) {
  failed = true
  console.error(error, provider.errors)
} finally {
  await browser.close()
  await provider.stop()
}
process.exit(failed ? 1 : 0)
