import { en as protectionEn, zh as protectionZh } from './parts/protection'
import { en as sharedEn } from './en'
import { en as registerEn, zh as registerZh } from './parts/register'
import { en as reportEn, zh as reportZh } from './parts/report'
import { en as behaviourEn, zh as behaviourZh } from './parts/behaviour'
import { en as incidentsEn, zh as incidentsZh } from './parts/incidents'
import { en as casesEn, zh as casesZh } from './parts/cases'
import { zh as sharedZh } from './zh'
import * as workbench from './parts/workbench'
import { en as signonEn, zh as signonZh } from './parts/signon'
import { en as factorsEn, zh as factorsZh } from './parts/factors'

// A part of the console keeps its words in a file of its own, `parts/<part>.ts`, which exports `zh` and `en`; its rows stand here.
export const zh = {
  ...sharedZh,
  ...registerZh,
  ...reportZh,
  ...behaviourZh,
  ...incidentsZh,
  ...protectionZh,
  ...workbench.zh,
  ...casesZh,
  ...signonZh,
  ...factorsZh,
}
export type Key = keyof typeof zh
export const en: Record<Key, string> = {
  ...sharedEn,
  ...registerEn,
  ...reportEn,
  ...behaviourEn,
  ...incidentsEn,
  ...protectionEn,
  ...workbench.en,
  ...casesEn,
  ...signonEn,
  ...factorsEn,
}
