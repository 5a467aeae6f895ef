import { Alert, Button } from 'antd'
import { useState } from 'react'
import { Link, useNavigate } from 'react-router-dom'
import { request } from '../api/client'
import type { Governance, ListedEntry } from '../api/register'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { day } from '../lib/format'
import { Chip, DataTable, Nothing, Page, Panel, Shown } from '../ui/kit'
import { EntryForm } from './register_form'
import { LevelChip, STANDING_TONES } from './register_parts'

export default function Register() {
  const { t, lang } = useLanguage()
  const go = useNavigate()
  const [open, setOpen] = useState(false)
  const loaded = useLoaded(async (signal) => {
    const [of, list] = await Promise.all([request<Governance>('get', '/admin/register/governance', { signal }), request<{ apps: ListedEntry[] }>('get', '/admin/register/apps', { signal })])
    return { of, apps: list.apps }
  }, [])
  return (
    <Page title={t('nav.register')} about={t('register.about')} actions={<Button type="primary" disabled={!loaded.data} onClick={() => setOpen(true)}>{t('register.new')}</Button>}>
      <Shown of={loaded}>
        {({ of, apps }) => (
          <>
            {of.diagnostics.length > 0 ? <Alert className="gap" type="error" showIcon message={t('register.diagnostics')} description={<ul>{of.diagnostics.map((d) => <li key={d} className="break">{d}</li>)}</ul>} /> : null}
            <Panel>
              <DataTable label={t('nav.register')} rows={apps} id={(a) => a.id} empty={<Nothing title={t('register.nothing')} hint={t('register.nothing_hint')} />} columns={[
                { key: 'name', title: t('register.name'), wide: true, show: (a) => <><Link to={`/register/${encodeURIComponent(a.id)}`}>{a.name}</Link> {a.retired ? <Chip>{t('register.retired')}</Chip> : null}</> },
                { key: 'level', title: t('field.level'), show: (a) => <LevelChip of={of} level={a.level} /> },
                { key: 'owner', title: t('register.owner'), show: (a) => a.owner || '–' },
                { key: 'tenant', title: t('field.tenant'), show: (a) => a.tenant },
                { key: 'controls', title: t('register.controls'), show: (a) => <Chip tone={a.controls.met === a.controls.all ? 'good' : 'warn'}>{`${a.controls.met} / ${a.controls.all}`}</Chip> },
                { key: 'review', title: t('register.review'), show: (a) => a.standing ? <span className="row"><Chip tone={STANDING_TONES[a.standing.standing]}>{word(t, 'standing', a.standing.standing)}</Chip>{a.standing.stale ? <Chip tone="warn">{t('register.stale')}</Chip> : null}{a.standing.expired ? <Chip tone="warn">{t('register.expired')}</Chip> : null}</span> : <span className="quiet">{t('register.none')}</span> },
                { key: 'filing', title: t('register.filing'), show: (a) => a.filing.all === 0 ? '–' : <>{`${a.filing.done} / ${a.filing.all}`}{a.filing.next_due ? <div className="quiet">{t('register.next_due', { date: day(a.filing.next_due, lang) })}</div> : null}</> },
              ]} />
            </Panel>
            {open ? <EntryForm of={of} entry={null} onClose={() => setOpen(false)} onDone={(made) => go(`/register/${encodeURIComponent(made.id)}`)} /> : null}
          </>
        )}
      </Shown>
    </Page>
  )
}
