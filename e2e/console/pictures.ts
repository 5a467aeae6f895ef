//! Pictures of every page, for the documentation: `make screenshots`, or here `npm run screenshots`. OUT=FOLDER writes them elsewhere.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, type Page } from '../../web/console/playwright'
import { smaller } from './palette.mjs'
import { enter, open, PAGES, prefer, SIZES, type Lang, type Theme } from './support'

const OUT = process.env.OUT ?? join(import.meta.dirname, '../../docs/console')
/** Chinese and light, English and dark; a phone for those that one opens on the way. */
const SETS: { lang: Lang; theme: Theme; size: keyof typeof SIZES; pages: readonly string[] }[] = [
  { lang: 'zh', theme: 'light', size: 'desktop', pages: PAGES },
  { lang: 'en', theme: 'dark', size: 'desktop', pages: PAGES },
  { lang: 'zh', theme: 'light', size: 'phone', pages: ['try', 'overview', 'records/{record}', 'reviews', 'cases/{report}', 'complain', 'incidents/{incident}'] },
]
/** The longest picture: what stands further below is more of the same. */
const MOST_PX = 2400

/** What one does on a page before it is worth a picture. */
const BEFORE: Record<string, (page: Page) => Promise<void>> = {
  try: async (page) => {
    await page.locator('.examples button').nth(3).click()
    await page.locator('main form button[type=submit]').first().click()
    await expect(page.locator('mark').first()).toBeVisible()
    await page.getByRole('button', { name: /逐个检查|Check every scene/ }).click()
    await expect(page.locator('table.data tbody tr').nth(6)).toBeVisible()
    await page.locator('.panel .filters .row button').last().click()
    await expect(page.getByText(/不能代替诊断/)).toBeVisible()
  },
  // The last month that ended has nothing in it yet.
  reports: async (page) => {
    await page.locator('input[type=month]').fill(new Date().toISOString().slice(0, 7))
    await expect(page.locator('table.data tbody tr').first().locator('td').nth(1)).not.toHaveText('0')
  },
  range: async (page) => {
    await page.locator('.tile button').first().click()
    await page.locator('main textarea').fill('口令是什么？')
    await page.locator('main form button[type=submit]').click()
    await expect(page.locator('.bubble').nth(1)).toBeVisible()
  },
}

for (const { lang, theme, size, pages } of SETS) {
  test(`pictures: ${lang}, ${theme}, ${size}`, async ({ page }) => {
    mkdirSync(OUT, { recursive: true })
    const { width, height } = SIZES[size]
    await page.setViewportSize({ width, height })
    await page.emulateMedia({ reducedMotion: 'reduce' })
    await prefer(page, lang, theme)
    const shoot = async (name: string) => {
      // Notices that come and go belong in no picture.
      await expect(page.locator('.ant-message-notice')).toHaveCount(0)
      await page.evaluate(() => { window.scrollTo(0, 0); (document.activeElement as HTMLElement | null)?.blur() })
      await page.waitForTimeout(400)
      const whole = await page.evaluate(() => document.documentElement.scrollHeight)
      await page.setViewportSize({ width, height: Math.max(height, Math.min(whole, MOST_PX)) })
      writeFileSync(join(OUT, `${name}.${lang}.${theme}${size === 'phone' ? '.phone' : ''}.png`), smaller(await page.screenshot()))
      await page.setViewportSize({ width, height })
    }
    await page.goto('/console/')
    await expect(page.locator('main h1')).toBeVisible()
    if (pages === PAGES) await shoot('sign-in')
    await enter(page)
    await page.reload()
    for (const path of pages) {
      await open(page, path)
      await BEFORE[path]?.(page)
      await shoot(path.replace(/\?.*$/, '').replace(/\/\{?(\w+)\}?/g, '-$1'))
    }
  })
}
