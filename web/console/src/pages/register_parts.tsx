//! What the pages of the register share: levels, the matrix, reasons, how things stand.
import type { Governance, Grading, Holds, Named, Standing, Words } from '../api/register'
import { useLanguage } from '../i18n'
import type { Lang } from '../lib/format'
import { Chip, type Tone } from '../ui/kit'
import './register.css'

export const said = (words: Words | null | undefined, lang: Lang): string => words?.[lang] ?? ''
export const titleOf = (list: readonly Named[], id: string, lang: Lang): string => said(list.find((one) => one.id === id)?.title, lang) || id

export const STANDING_TONES: Record<Standing, Tone> = { open: 'info', approved: 'good', conditional: 'warn', rejected: 'bad', inquorate: 'warn', withdrawn: 'calm' }
export const HOLDS_TONES: Record<Holds, Tone> = { met: 'good', unmet: 'bad', expired: 'warn', unknown: 'calm' }

/** A level in its colour: five of them from calm to grave, whatever they are called. */
export function LevelChip(props: { of: Governance; level: string }) {
  const { lang } = useLanguage()
  return <span className={`level-chip level-${shade(props.of, props.level)}`}>{titleOf(props.of.levels, props.level, lang)}</span>
}

function shade(of: Governance, level: string): number {
  const at = of.levels.findIndex((l) => l.id === level)
  return of.levels.length < 2 || at < 0 ? 2 : Math.round((at / (of.levels.length - 1)) * 4)
}

/** The matrix with the application's cell. */
export function Matrix(props: { of: Governance; grading: Grading }) {
  const { t, lang } = useLanguage()
  const { of, grading } = props
  const rows = of.axes.find((a) => a.id === of.matrix?.rows)
  const columns = of.axes.find((a) => a.id === of.matrix?.columns)
  if (!of.matrix || !rows || !columns) return null
  return (
    <div className="matrix-box" tabIndex={0} role="region" aria-label={t('register.matrix')}>
      <table className="matrix" aria-label={t('register.matrix')}>
        <thead><tr><td />{columns.grades.map((g, i) => <th key={i} scope="col">{`${said(columns.title, lang)} ${i + 1}`}<br />{said(g, lang)}</th>)}</tr></thead>
        <tbody>
          {of.matrix.cells.map((cells, r) => [r, cells] as const).reverse().map(([r, cells]) => (
            <tr key={r}>
              <th scope="row">{`${said(rows.title, lang)} ${r + 1}`}<br />{said(rows.grades[r], lang)}</th>
              {cells.map((level, c) => {
                const here = grading.row === r + 1 && grading.column === c + 1
                return <td key={c} className={`level-${shade(of, level)}${here ? ' at' : ''}`}>{titleOf(of.levels, level, lang)}{here ? <span className="at-note">{t('register.here')}</span> : null}</td>
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Which options, which cell and which rules gave the level, each with its source. */
export function Why(props: { of: Governance; grading: Grading }) {
  const { t, lang } = useLanguage()
  const { of, grading } = props
  const grade = (axis: string | undefined, at: number) => { const known = of.axes.find((a) => a.id === axis); return `${said(known?.title, lang)} ${at} (${said(known?.grades[at - 1], lang)})` }
  return (
    <ul className="why">
      {grading.chosen.map((one) => {
        const factor = of.factors.find((f) => f.id === one.factor)
        return (
          <li key={`${one.factor}.${one.option}`} className={one.decides ? 'decides' : undefined}>
            <strong>{said(factor?.title, lang) || one.factor}</strong>: {titleOf(factor?.option ?? [], one.option, lang)} · {t('register.grade', { grade: one.grade })} {one.decides ? <Chip tone="info">{t('register.decides')}</Chip> : null}
            <div className="quiet">{t('register.source')}: {one.source}</div>
          </li>
        )
      })}
      <li className="decides">{t('register.cell', { row: grade(of.matrix?.rows, grading.row), column: grade(of.matrix?.columns, grading.column), level: titleOf(of.levels, grading.cell, lang) })}<div className="quiet">{t('register.source')}: {grading.source}</div></li>
      {grading.raised.map((rule) => (
        <li key={rule.rule} className={rule.decides ? 'decides' : undefined}>
          <strong>{said(rule.title, lang)}</strong>: {rule.decides ? t('register.raised_to', { level: titleOf(of.levels, rule.at_least, lang) }) : t('register.rule_idle')}
          <div className="quiet">{t('register.source')}: {rule.source}</div>
        </li>
      ))}
    </ul>
  )
}

/** The SHA-256 of a file, computed here: the file goes nowhere. */
export async function sha256(file: File): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer())
  return [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, '0')).join('')
}
