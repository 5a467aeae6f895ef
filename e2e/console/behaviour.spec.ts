import { expect, test } from '../../web/console/playwright'
import { complaints, enter, open, prefer, record, seeded, tick } from './support'

test('an alarm is read and decided with the keyboard, and what was learned can be taken back', async ({ page }) => {
  const said = complaints(page)
  const risky = record((one) => one.action === 'block')
  const user = `watched <img src=x onerror="window.__owned=1"> ${Date.now()}`
  for (let n = 0; n < 2; n += 1) {
    await page.request.post(`${seeded().url}/v1/chat/completions`, { headers: { authorization: `Bearer ${seeded().keys[risky.key as keyof ReturnType<typeof seeded>['keys']]}` }, data: { model: 'm', user, messages: [{ role: 'user', content: risky.text }] } })
  }
  await prefer(page, 'en', 'light')
  await enter(page)
  await open(page, 'behaviour')
  // The alarm's row; what was done about it stands in a table below.
  const row = page.locator('tr', { hasText: user }).first()
  await expect(row).toContainText('2 risky inputs in a row')
  await row.getByRole('link').focus()
  await page.keyboard.press('Enter')
  await expect(page.getByText('Highest score of each of the last 24 hours')).toBeVisible()
  await expect(page.locator('main')).toContainText('+30')
  await page.getByRole('button', { name: 'Decide' }).first().focus()
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Decision').selectOption('false_alarm')
  await dialog.getByLabel('Note (kept encrypted)').fill('a researcher')
  await dialog.getByRole('button', { name: 'Save' }).focus()
  await page.keyboard.press('Enter')
  await expect(dialog).toBeHidden()
  await expect(page.locator('main')).toContainText('False alarm')
  await expect(page.locator('main')).toContainText('60 %')
  await open(page, 'behaviour')
  const damping = page.getByRole('table', { name: 'Signals that count less after false alarms' }).locator('tr', { hasText: user })
  await damping.getByRole('button', { name: 'Restore' }).click()
  await expect(damping).toHaveCount(0)
  expect(await page.evaluate(() => (window as unknown as { __owned?: unknown }).__owned)).toBeUndefined()
  expect(said).toEqual([])
})

test('a profile is made, refused a tier it does not fit, reviewed and removed', async ({ page }) => {
  const user = `user-${Date.now()}`
  await prefer(page, 'en', 'light')
  await enter(page)
  await open(page, 'users')
  await page.getByRole('button', { name: 'New profile' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('User', { exact: true }).fill(user)
  await dialog.getByLabel('Tier').selectOption('identified')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(page.locator('.ant-message')).toContainText('identified')
  await dialog.getByLabel('Known by').selectOption('id')
  await dialog.getByRole('button', { name: 'Save' }).click()
  const row = page.locator('tr', { hasText: user })
  await expect(row).toContainText('identified (document)')
  // The boxes below are those of the next dialog, not of this one that is still fading away.
  await expect(dialog).toHaveCount(0)
  await row.getByRole('button', { name: 'Review' }).click()
  const review = page.getByRole('dialog')
  for (const box of await review.getByRole('checkbox').all()) await tick(box)
  await review.getByRole('button', { name: 'Save' }).click()
  await expect(row).toContainText('Passed')
  await row.getByRole('button', { name: 'Remove' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await expect(row).toHaveCount(0)
})
