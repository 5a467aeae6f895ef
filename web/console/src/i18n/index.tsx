import { createContext, useContext, useMemo, type ReactNode } from 'react'
import type { Lang } from '../lib/format'
import { en, zh, type Key } from './dictionary'

export type { Key } from './dictionary'
export type Values = Record<string, string | number>
export type Translate = (key: Key, values?: Values) => string

const dictionaries: Record<Lang, Record<Key, string>> = { zh, en }

/** A text with its `{names}` filled in. */
export function text(lang: Lang, key: Key, values: Values = {}): string {
  return dictionaries[lang][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}

/** Whether a key that was put together at run time stands in the dictionaries. */
export const isKey = (key: string): key is Key => Object.hasOwn(zh, key)

interface Language { lang: Lang; t: Translate; setLang: (lang: Lang) => void }
const LanguageContext = createContext<Language | null>(null)

export function LanguageProvider(props: { lang: Lang; setLang: (lang: Lang) => void; children: ReactNode }) {
  const { lang, setLang } = props
  const value = useMemo<Language>(() => ({ lang, setLang, t: (key, values) => text(lang, key, values) }), [lang, setLang])
  return <LanguageContext.Provider value={value}>{props.children}</LanguageContext.Provider>
}

export function useLanguage(): Language {
  const language = useContext(LanguageContext)
  if (!language) throw new Error('no language around this')
  return language
}

/** The word for an id of the server's, `family.id` in the dictionaries; the id itself where there is none. */
export function word(t: Translate, family: string, id: string | null | undefined): string {
  if (!id) return '–'
  const key = `${family}.${id}`
  return isKey(key) ? t(key) : id
}
