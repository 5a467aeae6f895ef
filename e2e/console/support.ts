import { readFileSync } from 'node:fs'
import { AxeBuilder, expect, type Locator, type Page } from '../../web/console/playwright'
import { Client } from './program.mjs'
import type { PEOPLE } from './seed.mjs'

export type Who = keyof typeof PEOPLE
/** What the program was filled with; see `seed.mjs`. */
export interface State {
  url: string
  upstream: string
  password: string
  /** The secret of `guarded`'s authenticator. */
  totp: string
  keys: Record<'admin' | 'support' | 'tutor' | 'xss' | 'acme' | 'harbor' | 'monitor', string>
  people: Record<Who, { name: string; tenant: string | null; cookie: string; csrf: string }>
  records: { key: string; user: string; text: string; status: number; id: string; action: string | null }[]
  ids: Record<string, string>
}
let known: State | undefined
/** Only within a test: while tests are listed, the program does not stand yet. */
export function seeded(): State {
  known ??= JSON.parse(readFileSync(process.env.CONSOLE_STATE ?? '', 'utf8')) as State
  return known
}

/** Every page that the navigation leads to, and one of each that stands behind them; `{…}` is one of the seed's ids. A new page is a new line here. */
export const PAGES = [
  'try', 'overview', 'records', 'records/{record}',
  'policy', 'workbench', 'workbench/{change}', 'workbench/cases', 'workbench/history', 'reviews', 'labels',
  'cases', 'cases/{case}', 'cases/{report}', 'complain',
  'redteam', 'redteam/{campaign}', 'range', 'assess', 'assess/{run}',
  'register', 'register/{entry}', 'ethics', 'ethics/{ethics}', 'assets', 'reports',
  'behaviour', 'behaviour/subject?kind=user&app=support&subject=u-9001', 'users',
  'incidents', 'incidents/{incident}', 'drills', 'notifications',
  'behaviour/subject?kind=user&app=support&subject=nobody',
  'keys', 'people', 'account', 'protection', 'setup', 'about',
] as const

/** The record of the first conversation that fits. */
export function record(fits: (one: State['records'][number]) => boolean): State['records'][number] {
  const found = seeded().records.find(fits)
  if (!found) throw new Error('no conversation of the seed is like that')
  return found
}

/** Calls the API as somebody who is signed in: for what a test needs and no page makes. */
export function as(who: Who): Client {
  const client = new Client(seeded().url)
  client.cookie = seeded().people[who].cookie
  client.csrf = seeded().people[who].csrf
  return client
}

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

/** Signs in without the page: with a session that was begun when the program was filled. Tests of signing in and out do it by hand. */
export async function enter(page: Page, who: Who = 'owner'): Promise<void> {
  const [name = '', value = ''] = seeded().people[who].cookie.split('=')
  await page.context().addCookies([{ name, value, url: seeded().url, httpOnly: true, sameSite: 'Strict' }])
}

/** Opens a page by its path, with the seed's ids in it. */
export async function open(page: Page, asked: string): Promise<void> {
  const path = asked.replace(/\{(\w+)\}/g, (_, name: string) => seeded().ids[name] ?? `no-${name}`)
  await page.goto(`/console/#/${path}`)
  await expect(page.locator('main h1').first()).toBeVisible()
  await expect(page.locator('.shell.bare'), 'somebody is signed in').toHaveCount(0)
  await expect(page.locator('main .ant-skeleton')).toHaveCount(0)
  // The one before may still stand there for a moment.
  await expect(page).toHaveURL(new RegExp(`#/${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`))
}

/** All that was asked for has come, and nothing fades, slides or changes its colour any more: halfway there, a text is paler than it will be. */
export async function settled(page: Page): Promise<void> {
  await expect(page.locator('.ant-skeleton')).toHaveCount(0)
  await page.waitForFunction(async () => {
    const moving = () => document.getAnimations().some((a) => a.playState === 'running' && a.effect?.getComputedTiming().endTime !== Infinity)
    if (moving()) return false
    // What ends may begin the next, some frames later: a dialog comes after its mask, or after the one before it.
    for (let frame = 0; frame < 15; frame += 1) {
      await new Promise((next) => requestAnimationFrame(next))
      if (moving()) return false
    }
    return true
  })
}

/** Nothing that people with disabilities stumble over gravely. A notice that fades away is pale while it does; so is a dialog that an answer of the server opens
 * while it is looked at: a fault is what is still there when it is looked at again. */
export async function accessible(page: Page, where: string): Promise<void> {
  const look = async () => {
    await settled(page)
    const found = await new AxeBuilder({ page }).exclude('.ant-message').withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']).analyze()
    return found.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
  }
  let grave = await look()
  for (let again = 0; again < 3 && grave.length > 0; again += 1) {
    await page.waitForTimeout(500)
    grave = await look()
  }
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

/** Ticks a box as a hand does; `check()` looks at once, before a busy browser has drawn the tick. */
export async function tick(box: Locator): Promise<void> {
  await box.click()
  await expect(box).toBeChecked()
}
