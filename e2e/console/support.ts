import { AxeBuilder, expect, type Page } from '../../web/console/playwright'

export const PAGES = ['try', 'overview', 'records', 'policy', 'reviews', 'labels', 'redteam', 'redteam/0192camp01', 'range', 'assess', 'assess/0192run01', 'keys', 'people', 'setup', 'about'] as const
export const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } } as const
export type Lang = 'zh' | 'en'
export type Theme = 'light' | 'dark'

/** What the browser complained about: faults of the page, and whatever its Content-Security-Policy stopped. */
export function complaints(page: Page): string[] {
  const list: string[] = []
  page.on('console', (message) => { if (message.type() === 'error' && !/status of 40[0-9]/.test(message.text())) list.push(message.text()) })
  page.on('pageerror', (error) => list.push(String(error)))
  page.on('request', (request) => { const { host, protocol } = new URL(request.url()); if (!host.startsWith('127.0.0.1') && !['data:', 'blob:'].includes(protocol)) list.push(`asked for ${request.url()}`) })
  return list
}

export async function prefer(page: Page, lang: Lang, theme: Theme): Promise<void> {
  await page.addInitScript(([l, t]) => { localStorage.setItem('menshen.language', l ?? ''); localStorage.setItem('menshen.theme', t ?? '') }, [lang, theme])
}

/** Signs in without the page: the tests of the page itself do it by hand. */
export async function enter(page: Page): Promise<void> {
  const answer = await page.request.post('/console/api/session', { data: { key: 'msk_test' } })
  expect(answer.ok()).toBe(true)
}

export async function open(page: Page, path: string): Promise<void> {
  await page.goto(`/console/#/${path}`)
  await expect(page.locator('main h1').first()).toBeVisible()
  await expect(page.locator('.shell.bare'), 'somebody is signed in').toHaveCount(0)
  await expect(page.locator('main .ant-skeleton')).toHaveCount(0)
  // The one before may still stand there for a moment.
  await expect(page).toHaveURL(new RegExp(`#/${path}`))
}

/** Nothing that people with disabilities stumble over gravely. */
export async function accessible(page: Page, where: string): Promise<void> {
  const found = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']).analyze()
  const grave = found.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
  expect.soft(grave.map((v) => `${where}: ${v.id} (${v.impact}) ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 160)} ${n.any[0]?.message ?? ''}`).join(' | ')}`)).toEqual([])
}

/** Nothing sticks out at the side. */
export async function fits(page: Page, where: string): Promise<void> {
  const over = await page.evaluate(() => {
    const wide = document.documentElement.scrollWidth - window.innerWidth
    if (wide <= 0) return ''
    const culprits = [...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > window.innerWidth + 1).slice(-3).map((e) => `${e.tagName}.${e.className}`)
    return `${wide} px: ${culprits.join(', ')}`
  })
  expect.soft(over, `${where} is wider than the window`).toBe('')
}

export const owned = (page: Page): Promise<unknown> => page.evaluate(() => (window as unknown as { __owned?: unknown }).__owned)
