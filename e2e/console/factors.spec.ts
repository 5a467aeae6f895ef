import { expect, test, type Page } from '../../web/console/playwright'
import { Client } from './program.mjs'
import { accessible, fits, prefer, seeded } from './support'

// Security keys answer to host names: these tests open the program as http://localhost:PORT. Chromium brings the key.

const PERSON = { name: 'keys.person', password: 'a long enough passphrase' }

/** The same program by its other name. */
const local = (): string => seeded().url.replace('127.0.0.1', 'localhost')

/** An account of its own, so that no other test is asked for a second factor. */
async function person(name: string): Promise<void> {
  const owner = new Client(seeded().url)
  owner.cookie = seeded().people.owner.cookie
  owner.csrf = seeded().people.owner.csrf
  await owner.call('POST', '/admin/people', { name, roles: ['developer'], password: PERSON.password })
}

/** A key that is there and touched at once; gives how many it holds. */
async function plugIn(page: Page): Promise<() => Promise<number>> {
  const browser = await page.context().newCDPSession(page)
  await browser.send('WebAuthn.enable')
  const { authenticatorId } = await browser.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'usb', hasResidentKey: false, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  })
  return async () => (await browser.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length
}

/** What the browser complained about, on this host. */
function complaints(page: Page): string[] {
  const list: string[] = []
  page.on('console', (message) => { if (message.type() === 'error' && !/status of 40[0-9]/.test(message.text())) list.push(message.text()) })
  page.on('pageerror', (error) => list.push(String(error)))
  return list
}

async function signIn(page: Page, name: string): Promise<void> {
  await page.goto(`${local()}/console/`)
  await page.getByLabel('User name').fill(name)
  await page.getByLabel('Password').fill(PERSON.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

async function signOut(page: Page): Promise<void> {
  await page.getByTestId('account').click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
}

async function account(page: Page): Promise<void> {
  await page.getByTestId('account').click()
  await page.getByRole('menuitem', { name: 'My sign-in' }).click()
  await expect(page.getByRole('heading', { name: 'My sign-in', level: 1 })).toBeVisible()
}

const inside = (page: Page) => expect(page.getByRole('heading', { name: 'Try it', level: 1 })).toBeVisible()

test('a security key is added, asked for and removed; a recovery code opens once', async ({ page }) => {
  test.setTimeout(300_000)
  await person(PERSON.name)
  await page.setViewportSize({ width: 1280, height: 900 })
  await prefer(page, 'en', 'light')
  const said = complaints(page)
  const held = await plugIn(page)
  await signIn(page, PERSON.name)
  await inside(page)

  // Add one. The password is asked for again, and a wrong one is refused.
  await account(page)
  await accessible(page, 'my sign-in')
  await expect(page.getByTestId('codes-left')).toContainText('Add a security key or an authenticator app first')
  await page.getByRole('button', { name: 'Add a security key' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('blue key')
  await dialog.getByLabel('Present password').fill('not the password')
  await accessible(page, 'my sign-in, adding a key')
  await dialog.getByRole('button', { name: 'Add a security key' }).click()
  await expect(dialog.getByRole('alert')).toContainText('not your present password')
  expect(await held()).toBe(0)
  await dialog.getByLabel('Present password').fill(PERSON.password)
  await dialog.getByRole('button', { name: 'Add a security key' }).click()
  const row = page.getByRole('table', { name: 'Security keys' }).getByRole('row', { name: /blue key/ })
  await expect(row).toContainText('localhost')
  await expect(row).toContainText('never')
  expect(await held()).toBe(1)

  // The same key a second time: the browser knows that it is there already.
  await page.getByRole('button', { name: 'Add a security key' }).click()
  await dialog.getByLabel('Name').fill('the same')
  await dialog.getByLabel('Present password').fill(PERSON.password)
  await dialog.getByRole('button', { name: 'Add a security key' }).click()
  await expect(dialog.getByRole('alert')).toContainText('No key answered')
  await dialog.getByRole('button', { name: 'Cancel' }).click()

  // Another name.
  await row.getByRole('button', { name: 'Rename' }).click()
  await dialog.getByLabel('Name').fill('red key')
  await dialog.getByRole('button', { name: 'Save' }).click()
  const red = page.getByRole('table', { name: 'Security keys' }).getByRole('row', { name: /red key/ })
  await expect(red).toBeVisible()

  // Codes, shown once.
  await page.getByRole('button', { name: 'Make recovery codes' }).click()
  await dialog.getByLabel('Present password').fill(PERSON.password)
  await dialog.getByRole('button', { name: 'Make recovery codes' }).click()
  const shown = page.getByRole('region', { name: 'Your recovery codes' })
  const codes = ((await shown.textContent()) ?? '').trim().split(/\s+/)
  expect(codes).toHaveLength(10)
  expect(new Set(codes).size).toBe(10)
  for (const code of codes) expect(code).toMatch(/^[0-9a-z]{4}(-[0-9a-z]{4}){3}$/)
  await accessible(page, 'recovery codes')
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download' }).click()
  expect((await download).suggestedFilename()).toBe('menshen-recovery-codes.txt')
  await page.getByRole('button', { name: 'I have kept them' }).click()
  await expect(page.getByText(codes[0] ?? 'none')).toHaveCount(0)
  await expect(page.getByTestId('codes-left')).toContainText('10 left')

  // Sign in with the key.
  await signOut(page)
  await signIn(page, PERSON.name)
  await expect(page.getByRole('radiogroup', { name: 'Second factor' })).toBeVisible()
  await accessible(page, 'sign-in, second factor')
  await page.getByRole('button', { name: 'Use security key' }).click()
  await inside(page)
  await account(page)
  await expect(red).not.toContainText('never')

  // Sign in with a code; the same one is refused the second time, the next is good.
  const withCode = async (code: string) => {
    await signIn(page, PERSON.name)
    await page.getByRole('radiogroup', { name: 'Second factor' }).getByText('Recovery code').click()
    await page.getByLabel('Recovery code', { exact: true }).last().fill(code)
    await page.getByRole('button', { name: 'Sign in' }).click()
  }
  await signOut(page)
  await withCode(codes[0] ?? '')
  await inside(page)
  await signOut(page)
  await withCode(codes[0] ?? '')
  await expect(page.getByRole('alert')).toContainText('not right')
  // The key is still a choice, and asks anew.
  await page.getByRole('radiogroup', { name: 'Second factor' }).getByText('Security key').click()
  await page.getByRole('button', { name: 'Use security key' }).click()
  await inside(page)
  await account(page)
  await expect(page.getByTestId('codes-left')).toContainText('9 left')

  // Removed: the password alone is enough again, and the codes are gone.
  await red.getByRole('button', { name: 'Remove' }).click()
  await dialog.getByLabel('Present password').fill(PERSON.password)
  await dialog.getByRole('button', { name: 'Remove' }).click()
  await expect(page.getByText('No security key yet')).toBeVisible()
  await expect(page.getByTestId('codes-left')).toContainText('Add a security key or an authenticator app first')
  await signOut(page)
  await signIn(page, PERSON.name)
  await inside(page)
  expect(said).toEqual([])
})

test('by an IP address the page says why no key answers, and where one would', async ({ page }) => {
  await person('keys.address')
  await prefer(page, 'en', 'dark')
  await page.setViewportSize({ width: 390, height: 844 })
  const client = new Client(seeded().url)
  await client.signIn('keys.address', PERSON.password)
  const [name = '', value = ''] = client.cookie.split('=')
  await page.context().addCookies([{ name, value, url: seeded().url, httpOnly: true, sameSite: 'Strict' }])
  await page.goto(`${seeded().url}/console/#/account`)
  await expect(page.getByRole('alert')).toContainText(`Open it as ${local()}/console/`)
  await expect(page.getByRole('button', { name: 'Add a security key' })).toBeDisabled()
  await accessible(page, 'my sign-in by an address')
  await fits(page, 'my sign-in by an address')
})

test('an owner resets the factors of somebody who lost them', async ({ page }) => {
  await person('keys.lost')
  await prefer(page, 'en', 'light')
  await page.setViewportSize({ width: 1280, height: 900 })
  await plugIn(page)
  await signIn(page, 'keys.lost')
  await inside(page)
  await account(page)
  await page.getByRole('button', { name: 'Add a security key' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('lost key')
  await page.getByRole('dialog').getByLabel('Present password').fill(PERSON.password)
  await page.getByRole('dialog').getByRole('button', { name: 'Add a security key' }).click()
  await expect(page.getByRole('row', { name: /lost key/ })).toBeVisible()
  await page.context().clearCookies()
  const [name = '', value = ''] = seeded().people.owner.cookie.split('=')
  await page.context().addCookies([{ name, value, url: seeded().url, httpOnly: true, sameSite: 'Strict' }])
  await page.goto(`${seeded().url}/console/#/people`)
  const row = page.getByRole('row', { name: /keys\.lost/ }).first()
  await expect(row).toContainText('Security key × 1')
  await row.getByRole('button', { name: 'Reset second factors' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Reset second factors' }).click()
  await expect(row).not.toContainText('Security key')
  await page.context().clearCookies()
  await signIn(page, 'keys.lost')
  await inside(page)
})
