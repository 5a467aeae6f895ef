import { Link } from 'react-router-dom'
import type { CaseRun, Outcome, ShadowRun } from '../api/workbench'
import { useLanguage, word } from '../i18n'
import { moment, milliseconds, short } from '../lib/format'
import { ActionChip, Chip, DataTable, Nothing, Tile } from '../ui/kit'

function Said(props: { of: Outcome | null }) {
  if (!props.of) return <>–</>
  return <><ActionChip action={props.of.action} /><div className="quiet break">{props.of.rule ?? props.of.answer ?? ''}</div></>
}

export function CaseTable(props: { run: CaseRun }) {
  const { t } = useLanguage()
  return (
    <DataTable label={t('bench.cases')} rows={props.run.rows} id={(r) => r.id} mark={(r) => r.changed} empty={<Nothing title={t('bench.no_cases')} hint={t('bench.no_cases_hint')} />} columns={[
      { key: 'name', title: t('field.name'), wide: true, show: (r) => r.name },
      { key: 'now', title: t('bench.now'), show: (r) => <Said of={r.now} /> },
      { key: 'then', title: t('bench.then'), show: (r) => <Said of={r.then} /> },
      { key: 'fits', title: t('bench.expected'), show: (r) => ((r.then ?? r.now).fits ? <Chip tone="good">{t('bench.as_expected')}</Chip> : <Chip tone="bad">{t('bench.not_expected')}</Chip>) },
    ]} />
  )
}

export function ShadowView(props: { run: ShadowRun; stale: boolean }) {
  const { t, lang } = useLanguage()
  const { run } = props
  return (
    <>
      <p>{t('bench.shadow_run', { at: moment(run.at, lang), took: milliseconds(run.took_ms) })}{props.stale ? ` ${t('bench.outdated')}` : ''}{run.timed_out ? ` ${t('bench.timed_out')}` : ''}</p>
      <div className="tiles">
        <Tile name={t('bench.decided')} value={run.decided} note={run.from ? `${moment(run.from, lang)} – ${moment(run.to, lang)}` : undefined} />
        <Tile name={t('bench.same')} value={run.same} />
        <Tile name={t('bench.differ')} value={run.decided - run.same} />
        <Tile name={t('bench.not_decided')} value={run.without_text + run.too_large} note={t('bench.not_decided_about', { none: run.without_text, large: run.too_large })} />
      </div>
      <DataTable label={t('bench.differ')} rows={run.changed} id={(c) => `${c.side} ${c.from} ${c.to}`} empty={<Nothing title={t('bench.nothing_differs')} />} columns={[
        { key: 'side', title: t('bench.side'), show: (c) => word(t, 'bench_side', c.side) },
        { key: 'from', title: t('bench.now'), show: (c) => <ActionChip action={c.from} /> },
        { key: 'to', title: t('bench.then'), show: (c) => <ActionChip action={c.to} /> },
        { key: 'count', title: t('bench.count'), end: true, show: (c) => c.count },
        { key: 'examples', title: t('bench.examples'), wide: true, show: (c) => <span className="row">{c.examples.map((id) => <Link key={id} to={`/records/${id}`}>{short(id)}</Link>)}</span> },
      ]} />
      {run.rules.length > 0 ? (
        <>
          <h3>{t('bench.rules_differ')}</h3>
          <DataTable label={t('bench.rules_differ')} rows={run.rules} id={(r) => r.rule} empty={null} columns={[
            { key: 'rule', title: t('bench.rule'), wide: true, show: (r) => <code className="break">{r.rule}</code> },
            { key: 'now', title: t('bench.now'), end: true, show: (r) => r.now },
            { key: 'then', title: t('bench.then'), end: true, show: (r) => r.then },
          ]} />
        </>
      ) : null}
    </>
  )
}
