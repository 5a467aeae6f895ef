import { Alert, App, Button, Tabs } from 'antd'
import { useState } from 'react'
import { Link, useNavigate, useParams } from 'react-router-dom'
import { request } from '../api/client'
import type { FullEntry, Governance } from '../api/register'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { day, moment } from '../lib/format'
import { Chip, DataTable, Facts, Nothing, Page, Panel, sentence, Shown } from '../ui/kit'
import { Controls } from './register_controls'
import { Documents } from './register_documents'
import { Filing } from './register_filing'
import { EntryForm } from './register_form'
import { LevelChip, Matrix, said, STANDING_TONES, titleOf, Why } from './register_parts'
import { OpenReview } from './register_review_open'

export default function RegisterApp() {
  const { t, lang } = useLanguage()
  const { message, modal } = App.useApp()
  const { id = '' } = useParams()
  const [editing, setEditing] = useState(false)
  const path = `/admin/register/apps/${encodeURIComponent(id)}`
  const loaded = useLoaded(async (signal) => {
    const [of, app] = await Promise.all([request<Governance>('get', '/admin/register/governance', { signal }), request<FullEntry>('get', path, { signal })])
    return { of, app }
  }, [id])
  const retire = (app: FullEntry, out: boolean) => modal.confirm({
    title: t(out ? 'register.retire' : 'register.restore'), content: t('register.retire_about'), okText: t(out ? 'register.retire' : 'register.restore'), cancelText: t('do.cancel'), okButtonProps: { danger: out },
    onOk: async () => {
      try {
        await request('patch', path, { body: { name: app.name, owner: app.owner, app: app.app, launch: app.launch, facts: app.facts, profile: app.profile, updated_us: app.updated_us, retired: out } })
        loaded.reload()
      } catch (e) { void message.error(sentence(e, t)) }
    },
  })
  const app = loaded.data?.app
  return (
    <Page title={app?.name ?? t('nav.register')} actions={app ? <><Button onClick={() => retire(app, app.retired === null)}>{t(app.retired ? 'register.restore' : 'register.retire')}</Button><Button type="primary" onClick={() => setEditing(true)}>{t('do.edit')}</Button></> : undefined}>
      <p><Link to="/register">{t('nav.register')}</Link></p>
      <Shown of={loaded}>
        {(data) => (
          <>
            <Panel>
              <Facts of={[
                [t('field.level'), <span key="l" className="row"><LevelChip of={data.of} level={data.app.level} />{data.app.retired ? <Chip>{t('register.retired')}</Chip> : null}</span>],
                [t('register.owner'), data.app.owner || '–'],
                [t('register.app'), data.app.app ?? '–'],
                [t('field.tenant'), data.app.tenant],
                [t('register.launch'), day(data.app.launch, lang)],
                [t('register.review'), data.app.standing ? <Link key="r" to={`/ethics/${encodeURIComponent(data.app.standing.review)}`}>{word(t, 'standing', data.app.standing.standing)}</Link> : t('register.none')],
                [t('register.controls'), t('register.met_of', { met: data.app.controls.filter((c) => c.state === 'met').length, all: data.app.controls.length })],
                [t('register.purpose'), data.app.facts.purpose ?? '–'],
              ]} />
            </Panel>
            <Tabs destroyInactiveTabPane items={[
              { key: 'level', label: t('register.tab_level'), children: <Level of={data.of} app={data.app} /> },
              { key: 'controls', label: t('register.controls'), children: <Controls app={data.app} reload={loaded.reload} /> },
              { key: 'review', label: t('register.review'), children: <Reviews of={data.of} app={data.app} /> },
              { key: 'filing', label: t('register.filing'), children: <Filing of={data.of} app={data.app} reload={loaded.reload} /> },
              { key: 'assets', label: t('nav.assets'), children: <Used of={data.of} app={data.app} /> },
              { key: 'documents', label: t('register.tab_documents'), children: <Documents of={data.of} app={data.app} /> },
            ]} />
            {editing ? <EntryForm of={data.of} entry={data.app} onClose={() => setEditing(false)} onDone={() => { setEditing(false); void message.success(t('register.saved')); loaded.reload() }} /> : null}
          </>
        )}
      </Shown>
    </Page>
  )
}

function Level(props: { of: Governance; app: FullEntry }) {
  const { t, lang } = useLanguage()
  const { of, app } = props
  const now = 'level' in app.graded_now ? app.graded_now.level : null
  const level = of.levels.find((l) => l.id === app.level)
  return (
    <>
      {now !== null && now !== app.level ? <Alert className="gap" type="warning" showIcon message={t('register.now_differs', { level: titleOf(of.levels, now, lang) })} /> : null}
      {'problem' in app.graded_now ? <Alert className="gap" type="error" showIcon message={app.graded_now.problem} /> : null}
      <Panel title={t('register.matrix')}><Matrix of={of} grading={app.grading} /></Panel>
      <Panel title={t('register.why')}><p><LevelChip of={of} level={app.level} /> {said(level?.about, lang)}</p><Why of={of} grading={app.grading} /></Panel>
    </>
  )
}

function Reviews(props: { of: Governance; app: FullEntry }) {
  const { t, lang } = useLanguage()
  const go = useNavigate()
  const [open, setOpen] = useState(false)
  const { of, app } = props
  const path = of.paths.find((p) => p.id === app.grading.path)
  return (
    <Panel title={said(path?.title, lang)} actions={<Button type="primary" disabled={app.retired !== null || app.reviews.some((r) => r.standing === 'open')} onClick={() => setOpen(true)}>{t('ethics.open')}</Button>}>
      <p className="quiet">{said(path?.about, lang)}</p>
      <DataTable label={t('register.review')} rows={app.reviews} id={(r) => r.id} empty={<Nothing title={t('ethics.nothing')} />} columns={[
        { key: 'opened', title: t('ethics.opened'), wide: true, show: (r) => <Link to={`/ethics/${encodeURIComponent(r.id)}`}>{moment(r.opened, lang)}</Link> },
        { key: 'path', title: t('ethics.path'), show: (r) => titleOf(of.paths, r.path, lang) },
        { key: 'state', title: t('field.state'), show: (r) => <Chip tone={STANDING_TONES[r.standing]}>{word(t, 'standing', r.standing)}</Chip> },
        { key: 'votes', title: t('ethics.votes'), show: (r) => t('ethics.cast', { cast: r.votes.length, all: r.members.length }) },
        { key: 'until', title: t('ethics.until'), show: (r) => day(r.until, lang) },
      ]} />
      {open ? <OpenReview of={of} app={app} onClose={() => setOpen(false)} onDone={(review) => go(`/ethics/${encodeURIComponent(review.id)}`)} /> : null}
    </Panel>
  )
}

function Used(props: { of: Governance; app: FullEntry }) {
  const { t, lang } = useLanguage()
  return (
    <Panel actions={<Link to="/assets">{t('nav.assets')}</Link>}>
      <DataTable label={t('nav.assets')} rows={props.app.assets} id={(a) => a.id} empty={<Nothing title={t('assets.nothing')} />} columns={[
        { key: 'name', title: t('field.name'), wide: true, show: (a) => `${a.name} ${a.version}` },
        { key: 'kind', title: t('assets.kind'), show: (a) => titleOf(props.of.kinds, a.kind, lang) },
        { key: 'stage', title: t('assets.stage'), show: (a) => titleOf(props.of.stages, a.stage, lang) },
        { key: 'licence', title: t('assets.licence'), show: (a) => a.licence || '–' },
      ]} />
    </Panel>
  )
}
