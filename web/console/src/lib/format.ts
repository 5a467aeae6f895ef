//! Numbers, times and durations as people read them.
export type Lang = 'zh' | 'en'

const locale = (lang: Lang): string => (lang === 'zh' ? 'zh-CN' : 'en-GB')

export function count(n: number | null | undefined, lang: Lang): string {
  if (n === null || n === undefined || !Number.isFinite(n)) return '–'
  return new Intl.NumberFormat(locale(lang), { maximumFractionDigits: 0 }).format(n)
}

/** 0.1234 → 12.3 %. */
export function percent(share: number | null | undefined, digits = 1): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return '–'
  return `${(share * 100).toFixed(digits)} %`
}

export function score(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  return value.toFixed(2)
}

export function milliseconds(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return '–'
  if (ms < 1) return `${(ms * 1000).toFixed(0)} µs`
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1000) return `${ms.toFixed(0)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

export const microseconds = (us: number | null | undefined): string => milliseconds(us === null || us === undefined ? us : us / 1000)

function valid(at: string | number | null | undefined): Date | null {
  if (at === null || at === undefined || at === '') return null
  const date = new Date(typeof at === 'number' ? at / 1000 : at)
  return Number.isNaN(date.getTime()) ? null : date
}

/** An RFC 3339 text, or microseconds since 1970, as a local time to the second. */
export function moment(at: string | number | null | undefined, lang: Lang): string {
  const date = valid(at)
  if (!date) return '–'
  return new Intl.DateTimeFormat(locale(lang), { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }).format(date)
}

export function day(at: string | number | null | undefined, lang: Lang): string {
  const date = valid(at)
  return date ? new Intl.DateTimeFormat(locale(lang), { year: 'numeric', month: '2-digit', day: '2-digit' }).format(date) : '–'
}

/** The label of a bucket on an axis. */
export function tick(at: string, bucket: 'minute' | 'hour' | 'day', lang: Lang): string {
  const date = valid(at)
  if (!date) return at
  const parts: Intl.DateTimeFormatOptions = bucket === 'day' ? { month: '2-digit', day: '2-digit' } : { month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hour12: false }
  return new Intl.DateTimeFormat(locale(lang), parts).format(date)
}

/** The beginning of an id, with a sign that there is more. */
export function short(id: string, most = 13): string {
  return id.length > most + 1 ? `${id.slice(0, most)}…` : id
}

/** What a text shows at a glance; never cuts a character in half. */
export function excerpt(text: string, most = 80): string {
  const flat = text.replace(/\s+/g, ' ').trim()
  const points = [...flat]
  return points.length > most ? `${points.slice(0, most).join('')}…` : flat
}

/** Whether a time, in microseconds since 1970, has gone by. */
export function past(us: number | null | undefined): boolean {
  return typeof us === 'number' && us < Date.now() * 1000
}

/** Whose doing it was, as people say it: an account by its name, a key or a part of the program by its id. */
export const who = (by: string | null): string => (by ?? '–').replace(/^person:/, '')
