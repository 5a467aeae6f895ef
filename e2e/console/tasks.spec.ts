import { expect, test } from '../../web/console/playwright'
import { accessible, complaints, enter, open, owned, prefer } from './support'

test.beforeEach(async ({ page }) => {
  await page.setViewportSize({ width: 1280, height: 900 })
  await prefer(page, 'en', 'light')
})

test('sign in with a second factor, switch language and theme, sign out', async ({ page }) => {
  const said = complaints(page)
  await page.goto('/console/')
  await page.getByLabel('User name').fill('chen')
  await page.getByLabel('Password').fill('wrong password')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('alert')).toContainText('not right')
  await page.getByLabel('Password').fill('demo password')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByLabel('One-time code').fill('123 456')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('heading', { name: 'Try it', level: 1 })).toBeVisible()
  await page.getByTestId('language').click()
  await expect(page.getByRole('heading', { name: '试一试', level: 1 })).toBeVisible()
  await page.getByTestId('theme').click()
  await page.getByRole('menuitem', { name: '深色' }).click()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await page.getByTestId('account').click()
  await page.getByRole('menuitem', { name: '退出登录' }).click()
  await expect(page.getByRole('heading', { name: '登录' })).toBeVisible()
  expect((await page.request.get('/console/api/session')).status()).toBe(401)
  await page.goto('/console/#/records')
  await expect(page.getByRole('heading', { name: '登录' })).toBeVisible()
  expect(said).toEqual([])
})

test('a session that ends leads back to sign-in', async ({ page, context }) => {
  await enter(page)
  await open(page, 'records')
  await context.clearCookies()
  await page.getByRole('link', { name: 'Keys' }).click()
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
})

test('try it: spans, scores, timing, then both answers, streamed', async ({ page }) => {
  const said = complaints(page)
  await enter(page)
  await open(page, 'try')
  await page.getByRole('button', { name: 'Phone and mail' }).click()
  await page.getByRole('button', { name: 'Check', exact: true }).click()
  await expect(page.locator('mark').first()).toContainText('13800138000')
  await expect(page.locator('mark').nth(1)).toContainText('li.lei@example.cn')
  await expect(page.locator('.decision')).toContainText('Redact')
  await expect(page.getByText('Fast judge')).toBeVisible()
  await accessible(page, 'try, checked')
  await page.getByRole('button', { name: 'Medication' }).click()
  await page.getByRole('button', { name: 'Send to the model' }).click()
  await expect(page.getByLabel('Guided answer')).toContainText('以上内容仅供参考')
  await expect(page.getByLabel('Plain answer')).toContainText('then take the other')
  await expect(page.getByLabel('Guided answer')).toContainText('<img src=x onerror')
  expect(await owned(page)).toBeUndefined()
  expect(said).toEqual([])
})

test('the review queue by keyboard alone', async ({ page }) => {
  await enter(page)
  await open(page, 'reviews')
  const title = page.locator('.queue .panel h2')
  const first = (await title.textContent()) ?? ''
  await page.keyboard.press('j')
  await expect(title).not.toHaveText(first)
  await page.keyboard.press('k')
  await expect(title).toHaveText(first)
  await page.keyboard.press('n')
  await page.keyboard.type('just a joke, u and r are only letters here')
  await page.keyboard.press('Escape')
  await page.keyboard.press('u')
  await expect(title).not.toHaveText(first)
  const second = (await title.textContent()) ?? ''
  await page.keyboard.press('r')
  await expect(title).not.toHaveText(second)
  const number = (text: string) => Number(/\d+/.exec(text)?.[0])
  const kept = (await (await page.request.get('/mock/reviews')).json()) as { reviews: { id: number; decision: string | null; note?: string | null }[] }
  expect(kept.reviews.find((r) => r.id === number(first))).toMatchObject({ decision: 'upheld', note: 'just a joke, u and r are only letters here' })
  expect(kept.reviews.find((r) => r.id === number(second))).toMatchObject({ decision: 'released' })
  for (;;) {
    if ((await page.locator('.queue-item').count()) === 0) break
    const now = await page.locator('.queue-item').count()
    await page.keyboard.press('u')
    await expect(page.locator('.queue-item')).toHaveCount(now - 1)
  }
  await expect(page.getByText('Nothing waits for review')).toBeVisible()
})

test('the keyboard reaches content and navigation', async ({ page }) => {
  await enter(page)
  await open(page, 'overview')
  await page.keyboard.press('Tab')
  await expect(page.locator('.skip')).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(page.locator('main')).toBeFocused()
})

test('stored attacks are inert on every page that shows them', async ({ page }) => {
  const said = complaints(page)
  await enter(page)
  const list = (await (await page.request.get('/admin/records?limit=11')).json()) as { records: { request_id: string }[] }
  let shown = 0
  for (const { request_id } of list.records.slice(0, 4)) {
    await open(page, `records/${request_id}`)
    shown += (await page.getByText(/onerror=|<script>|javascript:/).count()) > 0 ? 1 : 0
    expect(await page.locator('main img, main iframe, main script, main [onmouseover], main a[href^="javascript"]').count()).toBe(0)
  }
  expect(shown).toBeGreaterThanOrEqual(3)
  await open(page, 'range')
  await page.getByRole('tab', { name: 'Submissions' }).click()
  await page.getByRole('button', { name: /onerror/ }).click()
  await expect(page.locator('.ant-drawer-open .foreign').first()).toBeVisible()
  await open(page, 'assess/0192run01')
  await page.locator('summary').first().click()
  await expect(page.getByText(/window\.__owned=9/)).toBeVisible()
  await open(page, 'redteam/0192camp01')
  await page.locator('table.data .as-link').nth(2).click()
  await expect(page.locator('.ant-drawer-open')).toContainText('<svg onload=')
  expect(await owned(page)).toBeUndefined()
  expect(said).toEqual([])
})

test('records: filters, paging, live tail, feedback', async ({ page }) => {
  await enter(page)
  await open(page, 'records')
  await page.getByRole('button', { name: 'Older' }).click()
  await expect(page.getByText('page 2')).toBeVisible()
  await page.getByLabel('Disposition').selectOption('redact')
  await expect(page.getByText('page 2')).toHaveCount(0)
  await expect(page.locator('table.data tbody tr').first()).toContainText('Redact')
  await page.locator('table.data tbody a').first().click()
  await expect(page.locator('mark').first()).toContainText('13800138000')
  await expect(page.getByText('Chain is whole')).toBeVisible()
  await page.getByRole('button', { name: 'False alarm' }).click()
  await expect(page.getByText('Feedback is kept.')).toBeVisible()
  await open(page, 'records')
  await page.getByRole('switch', { name: 'Live' }).click()
  await expect(page.locator('table.data tbody tr')).not.toHaveCount(0)
})

test('overview drills down to records', async ({ page }) => {
  await enter(page)
  await open(page, 'overview')
  await page.locator('.tile a').nth(1).click()
  await expect(page).toHaveURL(/outcome=intervened/)
  await expect(page.locator('table.data tbody tr').first()).toContainText('Intervened')
})

test('a key is shown once, and can be revoked', async ({ page }) => {
  await enter(page)
  await open(page, 'keys')
  await page.getByRole('button', { name: 'New key' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('e2e')
  await accessible(page, 'keys, new')
  await page.getByRole('button', { name: 'Make' }).click()
  const secret = (await page.getByRole('region', { name: 'New key' }).textContent()) ?? ''
  expect(secret).toMatch(/^msk_/)
  await page.getByRole('button', { name: 'I have kept it' }).click()
  await expect(page.getByText(secret)).toHaveCount(0)
  await page.locator('tr', { hasText: 'e2e' }).getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await expect(page.locator('tr', { hasText: 'e2e' })).toContainText('Revoked')
})

test('labels: read, judge, add and download', async ({ page }) => {
  await enter(page)
  await open(page, 'labels')
  await page.locator('input[type=file]').setInputFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') })
  await expect(page.getByText('No label found.')).toBeVisible()
  await page.getByLabel('The user declares it generated').check()
  await page.getByRole('button', { name: 'Judge' }).click()
  await expect(page.getByText('This content was generated by AI')).toBeVisible()
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Add and download' }).click()
  expect((await download).suggestedFilename()).toBe('a.labelled.txt')
})

test('errors are sentences', async ({ page }) => {
  await enter(page)
  await page.route('**/admin/packs', (route) => route.fulfill({ status: 403, contentType: 'application/json', body: '{"error":{"code":"forbidden","message":"Only owners.","param":null}}' }))
  await open(page, 'policy')
  await expect(page.getByRole('alert')).toContainText('Your role does not allow this')
  await page.route('**/admin/keys', (route) => route.abort())
  await open(page, 'keys')
  await expect(page.getByRole('alert')).toContainText('cannot be reached')
})
