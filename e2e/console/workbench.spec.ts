import { expect, test } from '../../web/console/playwright'
import { accessible, complaints, enter, fits, open, owned, prefer } from './support'

/** Packs are compiled at every save: a debug build takes its time. */
const LONG = { timeout: 90_000 }

test('an answer is written in a form, tried, approved by somebody else, published and taken back', async ({ page, browser }) => {
  test.setTimeout(600_000)
  const said = complaints(page)
  await page.setViewportSize({ width: 1280, height: 900 })
  await prefer(page, 'en', 'light')
  await enter(page, 'editor')
  await open(page, 'workbench')
  await page.getByRole('button', { name: 'New change' }).click()
  await page.getByLabel('Title').fill('Opening hours <img src=x onerror="window.__owned=41">')
  await page.keyboard.press('Tab')
  await page.getByRole('button', { name: 'Begin' }).click()
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Opening hours <img')

  // A form, so that nobody needs to know the format.
  await page.getByRole('button', { name: 'New file' }).click()
  const form = page.getByRole('dialog')
  await form.getByLabel('Pack', { exact: true }).selectOption('cn')
  await form.getByLabel('File name').fill('service')
  await form.getByLabel('Id', { exact: true }).fill('service.hours')
  await form.getByLabel('Ways to ask').fill('门店几点开门\n门店的营业时间\n门店几点关门')
  await form.getByRole('textbox', { name: 'Answer', exact: true }).fill('每天 9:00–18:00。')
  await form.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText('Compiles', { exact: true })).toBeVisible(LONG)
  await accessible(page, 'workbench, a change')

  // A mistake is named with its place, and the place is one click away.
  await page.locator('.ant-segmented').getByText('Text', { exact: true }).click()
  const text = page.getByRole('textbox', { name: 'Text of cn/answers/service.toml' })
  const good = await text.inputValue()
  await text.fill(good.replace('status = "review"', 'status = "soon"'))
  await text.press('Control+s')
  const place = page.getByRole('button', { name: /cn\/answers\/service\.toml:\d+:\d+/ })
  await expect(place.first()).toBeVisible(LONG)
  await expect(page.getByRole('button', { name: 'Submit for review' })).toBeDisabled()
  await place.first().click()
  await text.fill(good)
  await text.press('Control+s')
  await expect(page.getByText('Compiles', { exact: true })).toBeVisible(LONG)

  await page.getByRole('tab', { name: 'Difference' }).click()
  await expect(page.locator('.diff-add').first()).toBeVisible()
  await accessible(page, 'workbench, difference')
  await page.getByRole('tab', { name: 'Shadow run' }).click()
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await expect(page.getByText('Requests decided')).toBeVisible(LONG)
  await accessible(page, 'workbench, shadow run')

  await page.getByRole('button', { name: 'Submit for review' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Submit for review' }).click()
  await expect(page.getByText('another policy editor or owner')).toBeVisible(LONG)
  await expect(page.getByRole('button', { name: 'Approve' })).toBeDisabled()
  const where = new URL(page.url()).hash.replace(/^#\//, '')

  const context = await browser.newContext({ viewport: { width: 390, height: 844 } })
  const other = await context.newPage()
  await prefer(other, 'zh', 'dark')
  await enter(other, 'owner')
  await open(other, where)
  await fits(other, 'workbench, a change on a phone')
  await other.getByRole('button', { name: /批\s*准/ }).click()
  await other.getByRole('dialog').getByRole('button', { name: /批\s*准/ }).click()
  await other.getByRole('button', { name: '立即发布' }).click(LONG)
  await other.getByRole('dialog').getByRole('button', { name: '立即发布' }).click()
  await expect(other.locator('.facts')).toContainText('已发布', LONG)
  const answer = await other.request.post('/v1/guard', { data: { text: '门店几点开门' }, headers: { 'x-menshen-csrf': await csrf(other) } })
  expect(((await answer.json()) as { disposition: string }).disposition).toBe('answer')
  await context.close()

  await open(page, 'workbench/history')
  await page.getByRole('row').filter({ hasText: 'The packs without any edit' }).getByRole('button', { name: 'Go back to this' }).click()
  await expect(page.locator('.diff-del').first()).toBeVisible(LONG)
  await accessible(page, 'workbench, going back')
  await page.getByRole('dialog').getByRole('button', { name: 'Go back to this' }).click()
  await expect(page.getByRole('cell', { name: 'Back to revision 0' })).toBeVisible(LONG)
  expect(await owned(page)).toBeUndefined()
  expect(said).toEqual([])
})

async function csrf(page: import('../../web/console/playwright').Page): Promise<string> {
  const session = (await (await page.request.get('/console/api/session')).json()) as { csrf: string }
  return session.csrf
}

test('a case is saved and run under what is in force', async ({ page }) => {
  test.setTimeout(180_000)
  await page.setViewportSize({ width: 1280, height: 900 })
  await prefer(page, 'en', 'light')
  await enter(page, 'editor')
  await open(page, 'workbench/cases')
  await page.getByRole('button', { name: 'New case' }).click()
  const form = page.getByRole('dialog')
  await form.getByLabel('Name', { exact: true }).fill('The opening hours are the standard answer')
  await form.getByLabel('Text', { exact: true }).fill('你们几点上班')
  await form.getByLabel('Expected action').selectOption('answer')
  await form.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('cell', { name: /The opening hours are the standard answer/ }).first()).toBeVisible()
  await page.getByRole('button', { name: 'Run all cases' }).click()
  await expect(page.getByText('0 of 1 cases are not as expected')).toBeVisible(LONG)
  await accessible(page, 'workbench, cases')
})
