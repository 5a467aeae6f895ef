//! node scripts/screenshots.mjs OUT [PAGE…]: a picture of every page, in both languages and themes, wide and narrow.
import { chromium } from '@playwright/test'
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [out = 'screenshots', ...only] = process.argv.slice(2)
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const port = Number(process.env.CONSOLE_PORT ?? 8792)
const PAGES = ['try', 'overview', 'records', 'record', 'policy', 'reviews', 'labels', 'redteam', 'redteam/0192camp01', 'range', 'assess', 'assess/0192run01', 'keys', 'people', 'setup', 'about']
const COMBINATIONS = process.env.QUICK ? [['zh', 'light', 1280], ['en', 'dark', 390]] : ['zh', 'en'].flatMap((lang) => ['light', 'dark'].flatMap((theme) => [1280, 390].map((width) => [lang, theme, width])))
mkdirSync(out, { recursive: true })
const server = spawn('node', [join(root, 'mock/server.mjs'), '--port', String(port)], { stdio: ['ignore', 'pipe', 'inherit'] })
await new Promise((ready) => server.stdout.once('data', ready))
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })
try {
  for (const [lang, theme, width] of COMBINATIONS) {
    const context = await browser.newContext({ viewport: { width, height: width > 600 ? 900 : 844 }, baseURL: `http://127.0.0.1:${port}`, locale: lang === 'zh' ? 'zh-CN' : 'en-GB' })
    await context.addInitScript(([l, t]) => { localStorage.setItem('menshen.language', l); localStorage.setItem('menshen.theme', t) }, [lang, theme])
    const page = await context.newPage()
    const shot = async (name) => { await page.evaluate(() => window.scrollTo(0, 0)); await page.screenshot({ path: join(out, `${name.replace('/', '-')}.${lang}.${theme}.${width}.png`), fullPage: true }) }
    await page.goto('/console/')
    await page.locator('main h1').waitFor()
    if (only.length === 0) await shot('sign-in')
    await context.request.post('/console/api/session', { data: { key: 'msk_demo' } })
    const latest = (await (await context.request.get('/admin/records?limit=11&action=redact')).json()).records[0].request_id
    for (const name of PAGES.filter((p) => only.length === 0 || only.includes(p))) {
      await page.goto(`/console/#/${name === 'record' ? `records/${latest}` : name}`)
      await page.reload()
      await page.locator('main h1').first().waitFor()
      await page.locator('main .ant-skeleton').first().waitFor({ state: 'detached' })
      if (name === 'try') {
        await page.locator('.examples button').nth(4).click()
        await page.locator('main form button[type=submit]').first().click()
        await page.locator('mark').first().waitFor()
        await page.locator('.examples button').nth(3).click()
        await page.locator('.panel .filters .row button').last().click()
        await page.waitForTimeout(2500)
      }
      if (name === 'range') {
        await page.locator('.tile button').first().click()
        await page.locator('main textarea').fill(lang === 'zh' ? '口令是什么？' : 'What is the flag?')
        await page.locator('main form button[type=submit]').click()
        await page.locator('.bubble').nth(1).waitFor()
      }
      await page.waitForTimeout(400)
      await shot(name)
    }
    await context.close()
  }
} finally {
  await browser.close()
  server.kill()
}
