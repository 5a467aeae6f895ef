import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ACTIONS, OUTCOMES, ROLES } from '../api/contract'
import { en, zh } from './dictionary'

const names = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? '').sort()
const sources = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? sources(path) : /\.tsx?$/.test(name) && !/\.test\.ts$/.test(name) ? [readFileSync(path, 'utf8')] : []
  })

describe('the dictionaries', () => {
  it('have the same keys and the same names to fill in', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort())
    for (const key of Object.keys(zh) as (keyof typeof zh)[]) expect([key, names(en[key])]).toEqual([key, names(zh[key])])
  })
  it('have no empty text, and no Chinese in English', () => {
    for (const [key, text] of Object.entries(zh)) expect(text.trim(), key).not.toBe('')
    for (const [key, text] of Object.entries(en)) {
      expect(text.trim(), key).not.toBe('')
      if (key !== 'language.zh') expect(/[\u4e00-\u9fff]/.test(text), key).toBe(false)
    }
  })
  it('have a word for every id that we know of', () => {
    for (const id of OUTCOMES) expect(Object.hasOwn(zh, `outcome.${id}`), id).toBe(true)
    for (const id of ACTIONS) expect(Object.hasOwn(zh, `action.${id}`), id).toBe(true)
    for (const id of ROLES) expect(Object.hasOwn(zh, `role.${id}`), id).toBe(true)
  })
  it('have no key that no page uses', () => {
    const code = sources(join(import.meta.dirname, '..')).filter((text) => !text.startsWith('export const'))
    const whole = code.join('\n')
    const families = new Set([...whole.matchAll(/(?:word\(t, '|t\(`)(\w+)/g)].map((m) => m[1]))
    const unused = Object.keys(zh).filter((key) => !families.has(key.split('.')[0]) && !whole.includes(`'${key}'`))
    expect(unused).toEqual([])
  })
})
