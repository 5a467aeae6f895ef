import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from '../../web/console/playwright'
import { Client, start } from './program.mjs'
import { accessible, complaints, fits, prefer } from './support'

// The first five minutes, on a program of its own that nobody has used yet.

test('from the line in the terminal to a guarded answer and its record', async ({ page }) => {
  test.setTimeout(180_000)
  const program = await start()
  try {
    const link = /set up\s+(http:\S+)/.exec(program.output)?.[1] ?? ''
    expect(link, program.output).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/console\/#\/setup\?token=\w+$/)
    await page.setViewportSize({ width: 1280, height: 900 })
    await prefer(page, 'en', 'light')
    const said = complaints(page)
    const addresses: string[] = []
    page.on('request', (request) => addresses.push(request.url()))
    await page.goto(link)
    await expect(page.getByRole('heading', { name: 'First set-up' })).toBeVisible()
    await expect(page.getByLabel('Set-up token')).toHaveValue(program.setupToken)
    await accessible(page, 'first set-up')
    await page.getByLabel('User name').fill('first')
    await page.getByLabel('New password', { exact: true }).fill('tall trees at dusk')
    await page.getByLabel('Password again').fill('tall trees at dusk')
    await page.keyboard.press('Enter')
    await expect(page.getByRole('heading', { name: 'Set-up steps' })).toBeVisible()
    expect(page.url()).not.toContain('token')
    // It was behind the #: no request carried it in its address.
    expect(addresses.filter((url) => new URL(url).search.includes('token') || url.includes(`token=${program.setupToken}`) && !url.includes('#'))).toEqual([])

    await page.getByRole('button', { name: 'Test the connection' }).click()
    await expect(page.getByText('Connected; models: 2')).toBeVisible()
    await page.getByLabel('Who is this key for').fill('Shop assistant')
    await page.getByLabel('Application', { exact: true }).fill('shop')
    await page.getByRole('button', { name: 'Make the key' }).click()
    const key = (await page.getByRole('region', { name: 'New key' }).textContent()) ?? ''
    expect(key).toMatch(/^msk_/)
    const curl = (await page.getByRole('region', { name: 'Try a call' }).textContent()) ?? ''
    expect(curl).toContain(`${program.url}/v1/chat/completions`)
    await accessible(page, 'steps, with a key')
    await fits(page, 'steps, with a key')
    await page.getByRole('button', { name: 'I have kept it' }).click()
    await expect(page.getByText(key)).toHaveCount(0)

    // What the line does, by its own parts.
    const body = /-d '(.*)'$/.exec(curl)?.[1] ?? ''
    const bearer = /authorization: Bearer (\S+?)'/.exec(curl)?.[1] ?? ''
    const answer = await fetch(`${program.url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` }, body })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-menshen-disposition')).toBe('guide')
    await page.getByRole('navigation').getByRole('link', { name: 'Records' }).click()
    await page.locator('table.data tbody tr').filter({ hasText: 'shop' }).first().getByRole('link').click()
    await expect(page).toHaveURL(new RegExp(answer.headers.get('x-menshen-request-id') ?? 'none'))
    await expect(page.locator('.marked-text').first()).toContainText('了吃什么药')
    await page.getByRole('button', { name: 'Prove the whole chain' }).click()
    await expect(page.getByText('Chain is whole')).toBeVisible()
    expect(said).toEqual([])
  } finally {
    await program.stop()
  }
})

test('without a model the wizard says which line to write, and checking works', async ({ page }) => {
  test.setTimeout(120_000)
  const program = await start({ upstream: false })
  try {
    const owner = new Client(program.url)
    await owner.call('POST', '/console/api/setup/owner', { name: 'first', password: 'tall trees at dusk', token: program.setupToken })
    const [name = '', value = ''] = owner.cookie.split('=')
    await page.context().addCookies([{ name, value, url: program.url }])
    await prefer(page, 'en', 'dark')
    await page.setViewportSize({ width: 390, height: 844 })
    await page.goto(`${program.url}/console/#/setup`)
    await expect(page.getByText('No model is configured.')).toBeVisible()
    await expect(page.getByText('MENSHEN_UPSTREAM=http://127.0.0.1:8000/v1')).toBeVisible()
    await accessible(page, 'steps, no model')
    await fits(page, 'steps, no model')
    await page.getByLabel('Who is this key for').fill('Checks')
    await page.getByRole('button', { name: 'Make the key' }).click()
    const curl = (await page.getByRole('region', { name: 'Try a call' }).textContent()) ?? ''
    expect(curl).toContain(`${program.url}/v1/guard`)
    await page.goto(`${program.url}/console/#/try`)
    await page.getByRole('button', { name: 'Medication' }).click()
    await page.getByRole('button', { name: 'Check', exact: true }).click()
    await expect(page.locator('.decision')).toContainText('Guide')
  } finally {
    await program.stop()
  }
})

test('a server without a list of models is told from one that is silent, and the model is named by hand', async ({ page }) => {
  test.setTimeout(120_000)
  const server = createServer((request, response) => {
    response.writeHead(request.method === 'POST' ? 200 : 501, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ id: 'a', object: 'chat.completion', created: 1, model: 'm', choices: [{ index: 0, message: { role: 'assistant', content: '多喝水，多休息。' }, finish_reason: 'stop' }] }))
  })
  await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done) })
  const program = await start({ upstream: false, env: { MENSHEN_UPSTREAM: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` } })
  try {
    const owner = new Client(program.url)
    await owner.call('POST', '/console/api/setup/owner', { name: 'first', password: 'tall trees at dusk', token: program.setupToken })
    const [name = '', value = ''] = owner.cookie.split('=')
    await page.context().addCookies([{ name, value, url: program.url }])
    await prefer(page, 'en', 'light')
    await page.goto(`${program.url}/console/#/setup`)
    const step = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Upstream model' }) })
    await page.getByRole('button', { name: 'Test the connection' }).click()
    await expect(step).toContainText('It answers, without a list of models')
    await expect(step).toContainText('Done')
    await page.getByLabel('Who is this key for').fill('Shop')
    await page.getByRole('button', { name: 'Make the key' }).click()
    await page.getByLabel('Name of the model').fill('m')
    const curl = (await page.getByRole('region', { name: 'Try a call' }).textContent()) ?? ''
    const bearer = /authorization: Bearer (\S+?)'/.exec(curl)?.[1] ?? ''
    const answer = await fetch(`${program.url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` }, body: /-d '(.*)'$/.exec(curl)?.[1] ?? '' })
    expect(await answer.text()).toContain('多喝水')
    expect(answer.headers.get('x-menshen-disposition')).toBe('guide')

    // Gone: now the step is not done.
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
    await page.getByRole('button', { name: 'Test the connection' }).click()
    await expect(step).toContainText('No connection')
    await expect(step).toContainText('To do')
  } finally {
    server.close()
    await program.stop()
  }
})
