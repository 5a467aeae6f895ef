import { expect, test } from '../../web/console/playwright'
import { accessible, complaints, enter, fits, open, owned, PAGES, prefer, SIZES, type Lang, type Theme } from './support'

/** axe looks at every page in four of the eight ways: each language with each theme and each size, each theme with each size. */
const looked = new Set(['zh light desktop', 'zh dark phone', 'en light phone', 'en dark desktop'])

for (const lang of ['zh', 'en'] as Lang[]) {
  for (const theme of ['light', 'dark'] as Theme[]) {
    for (const [name, size] of Object.entries(SIZES)) {
      test(`every page: ${lang}, ${theme}, ${name}`, async ({ page }) => {
        test.setTimeout(1_200_000)
        const look = async (where: string) => { if (looked.has(`${lang} ${theme} ${name}`)) await accessible(page, where) }
        await page.setViewportSize(size)
        await prefer(page, lang, theme)
        const said = complaints(page)
        await page.goto('/console/')
        await expect(page.locator('main h1')).toBeVisible()
        await look('sign-in')
        await enter(page)
        // A change behind the # loads nothing: the page asks who is signed in when it begins.
        await page.reload()
        for (const path of PAGES) {
          await open(page, path)
          await expect.soft(page.locator('html')).toHaveAttribute('data-theme', theme)
          await expect.soft(page.locator('html')).toHaveAttribute('lang', lang === 'zh' ? 'zh-CN' : 'en')
          // The pages of one campaign or one run carry its own name.
          if (!path.includes('/')) expect.soft(/[\u4e00-\u9fff]/.test((await page.locator('main h1').first().textContent()) ?? ''), `${path} speaks ${lang}`).toBe(lang === 'zh')
          await fits(page, path)
          await look(path)
          expect.soft(await owned(page), path).toBeUndefined()
        }
        expect(said).toEqual([])
      })
    }
  }
}
