import type { FileDiff } from '../api/workbench'
import { useLanguage, word } from '../i18n'
import { Chip, Nothing, Panel, visible } from '../ui/kit'

/** What files lose and gain, line by line; signs and words say it too, not the colour alone. */
export function Diffs(props: { files: readonly FileDiff[] }) {
  const { t } = useLanguage()
  if (props.files.length === 0) return <Nothing title={t('bench.no_difference')} />
  return (
    <>
      {props.files.map((f) => (
        <Panel key={f.path} title={<code className="break">{f.path}</code>} actions={<><Chip tone={f.kind === 'removed' ? 'bad' : f.kind === 'added' ? 'good' : 'calm'}>{word(t, 'bench_diff', f.kind)}</Chip><span className="quiet">+{f.added} −{f.removed}</span></>}>
          {f.hunks.length === 0 ? <p className="quiet">{t('bench.no_difference')}</p> : (
            <div className="diff" role="region" aria-label={f.path} tabIndex={0}>
              <table>
                <tbody>
                  {f.hunks.map((hunk, h) => [
                    h > 0 ? <tr key={`${h}-gap`} className="diff-gap"><td colSpan={4}>⋯</td></tr> : null,
                    ...hunk.map((line, i) => (
                      <tr key={`${h}-${i}`} className={line.sign === '+' ? 'diff-add' : line.sign === '-' ? 'diff-del' : undefined}>
                        <td className="diff-no">{line.old ?? ''}</td><td className="diff-no">{line.new ?? ''}</td><td className="diff-sign">{line.sign === '-' ? '−' : line.sign}</td><td className="diff-text">{visible(line.text)}</td>
                      </tr>
                    )),
                  ])}
                </tbody>
              </table>
            </div>
          )}
          {f.cut ? <p className="quiet top-gap">{t('bench.diff_cut')}</p> : null}
        </Panel>
      ))}
    </>
  )
}
