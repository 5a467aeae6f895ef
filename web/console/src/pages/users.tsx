import { App, Button, Checkbox, Form, Input, Modal } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router-dom'
import { request } from '../api/client'
import { REAL_NAMES, type EndUser, type RealName, type Review, type Tier, type TierTable } from '../api/behaviour'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { count, day, moment, past } from '../lib/format'
import { Chip, DataTable, Facts, Foreign, Nothing, Page, Panel, sentence, Shown } from '../ui/kit'
import { place } from './behaviour_parts'

interface Fields { tenant?: string; app?: string; user: string; tier?: string; real_name: RealName; minor?: boolean; region?: string; purpose?: string }

const path = (u: EndUser): string => `/admin/users/${encodeURIComponent(u.tenant)}/${encodeURIComponent(u.user)}`

export default function Users() {
  const { t, lang } = useLanguage()
  const { message, modal } = App.useApp()
  const [find, setFind] = useState({ holds: '', tier: '' })
  const [pages, setPages] = useState<string[]>([])
  const [editing, setEditing] = useState<EndUser | 'new' | null>(null)
  const [reviewing, setReviewing] = useState<EndUser | null>(null)
  const table = useLoaded((signal) => request<TierTable>('get', '/admin/tiers', { signal }), [])
  const users = useLoaded((signal) => request<{ users: EndUser[]; next: string | null }>('get', '/admin/users', { signal, query: { ...find, after: pages[pages.length - 1] } }), [find, pages])
  const tiers = table.data?.table.tier ?? []
  const named = (id: string | null) => (id === null ? t('users.no_tier') : (tiers.find((x) => x.id === id)?.[lang] ?? id))
  const seek = (next: Partial<typeof find>) => { setPages([]); setFind((was) => ({ ...was, ...next })) }
  const remove = (u: EndUser) => modal.confirm({
    title: t('users.remove_title', { name: u.user }), content: t('users.remove_about'), okText: t('do.remove'), cancelText: t('do.cancel'), okButtonProps: { danger: true },
    onOk: async () => { try { await request('delete', path(u), { query: { app: u.app } }); users.reload() } catch (e) { void message.error(sentence(e, t)) } },
  })
  return (
    <Page title={t('nav.users')} about={t('users.about')} actions={<Button type="primary" onClick={() => setEditing('new')}>{t('users.new')}</Button>}>
      <Panel title={t('users.list')} actions={<>
        <div className="field"><label htmlFor="users-find">{t('users.find')}</label><Input id="users-find" allowClear autoComplete="off" onPressEnter={(e) => seek({ holds: e.currentTarget.value.trim() })} onBlur={(e) => { if (e.currentTarget.value.trim() !== find.holds) seek({ holds: e.currentTarget.value.trim() }) }} /></div>
        <div className="field"><label htmlFor="users-tier">{t('users.tier')}</label><select id="users-tier" className="native" value={find.tier} onChange={(e) => seek({ tier: e.target.value })}><option value="">{t('filter.any')}</option>{tiers.map((x) => <option key={x.id} value={x.id}>{x[lang]}</option>)}</select></div>
      </>}>
        <Shown of={users}>
          {(data) => (
            <>
              <DataTable label={t('users.list')} rows={data.users} id={(u) => `${u.tenant}/${u.app}/${u.user}`} empty={<Nothing title={t('users.nothing')} hint={t('users.nothing_hint')} />} columns={[
                { key: 'user', title: t('field.user'), wide: true, show: (u) => <><strong className="break"><bdi>{u.user}</bdi></strong><div className="quiet">{u.tenant} / {u.app}</div></> },
                { key: 'tier', title: t('users.tier'), show: (u) => <Chip tone={u.tier ? 'info' : 'calm'}>{named(u.tier)}</Chip> },
                { key: 'real', title: t('users.real_name'), show: (u) => word(t, 'real', u.real_name) },
                { key: 'minor', title: t('users.minor'), show: (u) => (u.minor ? <Chip tone="warn">{t('users.minor')}</Chip> : <span className="quiet">{t('users.adult')}</span>) },
                { key: 'place', title: t('users.region'), show: (u) => u.region ?? '–' },
                { key: 'purpose', title: t('users.purpose'), show: (u) => u.purpose ?? '–' },
                { key: 'review', title: t('users.review'), show: (u) => <Reviewed review={u.review} /> },
                { key: 'do', title: t('field.do'), show: (u) => (
                  <span className="row">
                    <Button size="small" onClick={() => setEditing(u)}>{t('do.edit')}</Button>
                    <Button size="small" onClick={() => setReviewing(u)}>{t('users.review')}</Button>
                    <Link to={place({ tenant: u.tenant, app: u.app, kind: 'user', subject: u.user })}>{t('users.behaviour')}</Link>
                    <Button size="small" danger onClick={() => remove(u)}>{t('do.remove')}</Button>
                  </span>
                ) },
              ]} />
              {data.next ? <div className="actions top-gap"><Button onClick={() => setPages((was) => [...was, data.next ?? ''])}>{t('behaviour.more')}</Button></div> : null}
            </>
          )}
        </Shown>
      </Panel>
      <Shown of={table}>
        {(data) => (
          <>
            <Panel title={t('users.tiers')}>
              <DataTable label={t('users.tiers')} rows={data.table.tier} id={(x) => x.id} empty={null} columns={[
                { key: 'name', title: t('users.tier'), wide: true, show: (x) => <><strong>{x[lang]}</strong><div className="quiet"><code>{x.id}</code></div></> },
                { key: 'real', title: t('users.needs'), show: (x) => <span className="row"><Chip>{word(t, 'real', x.real_name)}</Chip>{x.due_diligence ? <Chip tone="warn">{t('users.diligence')}</Chip> : null}</span> },
                { key: 'by', title: t('users.granted'), show: (x) => word(t, 'grantor', x.granted_by) },
                { key: 'limits', title: t('users.limits'), keep: true, show: (x) => <Limits tier={x} /> },
                { key: 'apis', title: t('field.api'), wide: true, show: (x) => (x.apis.length > 0 ? x.apis.join(', ') : t('filter.any')) },
                { key: 'models', title: t('field.model'), show: (x) => (x.models.length > 0 ? x.models.join(', ') : t('filter.any')) },
                { key: 'purposes', title: t('users.purpose'), wide: true, show: (x) => [...x.purposes, ...x.regions].join(', ') || t('filter.any') },
              ]} />
            </Panel>
            <Panel>
              <Facts of={[
                [t('users.unknown'), data.unknown ? named(data.unknown) : t('users.unknown_none')],
                [t('users.minors'), t('users.minors_value', { from: data.table.minors.night_from, to: data.table.minors.night_to, n: data.table.minors.minutes_per_day, scene: data.table.minors.scene })],
              ]} />
            </Panel>
          </>
        )}
      </Shown>
      {editing ? <Edit user={editing === 'new' ? null : editing} tiers={tiers} onClose={() => setEditing(null)} onDone={() => { setEditing(null); users.reload() }} /> : null}
      {reviewing && table.data ? <Look user={reviewing} table={table.data} onClose={() => setReviewing(null)} onDone={() => { setReviewing(null); users.reload() }} /> : null}
    </Page>
  )
}

function Limits(props: { tier: Tier }) {
  const { t, lang } = useLanguage()
  const { tier } = props
  const said = [tier.requests_per_minute > 0 ? t('users.minute', { n: count(tier.requests_per_minute, lang) }) : '', tier.requests_per_day > 0 ? t('users.day', { n: count(tier.requests_per_day, lang) }) : ''].filter(Boolean)
  return <>{said.length > 0 ? said.map((s) => <div key={s}>{s}</div>) : '–'}</>
}

function Reviewed(props: { review: Review | null }) {
  const { t, lang } = useLanguage()
  const { review } = props
  if (!review) return <span className="quiet">{t('users.not_reviewed')}</span>
  const over = past(Date.parse(review.until) * 1000)
  return <><Chip tone={!review.passed ? 'bad' : over ? 'warn' : 'good'}>{t(!review.passed ? 'users.failed' : over ? 'users.expired' : 'users.passed')}</Chip><div className="quiet">{day(review.until, lang)}</div></>
}

function Edit(props: { user: EndUser | null; tiers: readonly Tier[]; onClose: () => void; onDone: () => void }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const { user } = props
  const [busy, setBusy] = useState(false)
  const [form] = Form.useForm<Fields>()
  const save = async (v: Fields) => {
    setBusy(true)
    try {
      const text = (name: 'tenant' | 'app') => (v[name]?.trim() ? { [name]: v[name].trim() } : {})
      await request('put', '/admin/users', { body: { ...text('tenant'), ...text('app'), user: v.user, tier: v.tier || null, real_name: v.real_name, minor: v.minor === true, region: v.region?.trim() || null, purpose: v.purpose?.trim() || null } })
      props.onDone()
    } catch (e) {
      void message.error(sentence(e, t))
      setBusy(false)
    }
  }
  return (
    <Modal open title={user ? t('users.edit', { name: user.user }) : t('users.new')} onCancel={props.onClose} onOk={() => form.submit()} okText={t('do.save')} cancelText={t('do.cancel')} confirmLoading={busy}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void save(v)} initialValues={user ? { ...user, tier: user.tier ?? '', region: user.region ?? '', purpose: user.purpose ?? '' } : { real_name: 'none', tier: '' }}>
        <Form.Item name="user" label={t('field.user')} rules={[{ required: true, message: t('form.needed') }]}><Input disabled={user !== null} autoComplete="off" maxLength={512} /></Form.Item>
        <div className="form-two">
          <Form.Item name="tenant" label={t('field.tenant')}><Input disabled={user !== null} autoComplete="off" placeholder="default" /></Form.Item>
          <Form.Item name="app" label={t('field.app')}><Input disabled={user !== null} autoComplete="off" placeholder="default" /></Form.Item>
          <Form.Item name="real_name" label={t('users.real_name')}><select className="native">{REAL_NAMES.map((r) => <option key={r} value={r}>{word(t, 'real', r)}</option>)}</select></Form.Item>
          <Form.Item name="tier" label={t('users.tier')}><select className="native"><option value="">{t('users.no_tier')}</option>{props.tiers.map((x) => <option key={x.id} value={x.id}>{x[lang]}</option>)}</select></Form.Item>
          <Form.Item name="region" label={t('users.region')} extra={t('users.region_hint')}><Input autoComplete="off" maxLength={64} /></Form.Item>
          <Form.Item name="purpose" label={t('users.purpose')} extra={t('users.purpose_hint')}><Input autoComplete="off" maxLength={64} /></Form.Item>
        </div>
        <Form.Item name="minor" valuePropName="checked"><Checkbox>{t('users.minor')}</Checkbox></Form.Item>
      </Form>
    </Modal>
  )
}

function Look(props: { user: EndUser; table: TierTable; onClose: () => void; onDone: () => void }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const { diligence } = props.table.table
  const [busy, setBusy] = useState(false)
  const [form] = Form.useForm<{ passed: string; checks?: string[]; note?: string; days: string }>()
  const past = useLoaded((signal) => request<EndUser>('get', path(props.user), { signal, query: { app: props.user.app } }), [])
  const save = async (v: { passed: string; checks?: string[]; note?: string; days: string }) => {
    setBusy(true)
    try {
      await request('post', `${path(props.user)}/reviews`, { query: { app: props.user.app }, body: { passed: v.passed === 'yes', checks: v.checks ?? [], days: Number(v.days), ...(v.note?.trim() ? { note: v.note.trim() } : {}) } })
      props.onDone()
    } catch (e) {
      void message.error(sentence(e, t))
      setBusy(false)
    }
  }
  return (
    <Modal open title={t('users.review_of', { name: props.user.user })} onCancel={props.onClose} onOk={() => form.submit()} okText={t('do.save')} cancelText={t('do.cancel')} confirmLoading={busy}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void save(v)} initialValues={{ passed: 'yes', days: String(Math.min(180, diligence.most_days)) }}>
        <Form.Item name="checks" label={t('users.checks')}><Checkbox.Group className="roles" options={diligence.check.map((c) => ({ value: c.id, label: c[lang] }))} /></Form.Item>
        <div className="form-two">
          <Form.Item name="passed" label={t('behaviour.decision')}><select className="native"><option value="yes">{t('users.passed')}</option><option value="no">{t('users.failed')}</option></select></Form.Item>
          <Form.Item name="days" label={t('users.days')} extra={t('users.days_hint', { n: diligence.most_days })} rules={[{ pattern: /^[1-9]\d{0,3}$/, message: t('form.number') }]}><Input inputMode="numeric" autoComplete="off" /></Form.Item>
        </div>
        <Form.Item name="note" label={t('behaviour.note')}><Input.TextArea rows={3} maxLength={1000} /></Form.Item>
      </Form>
      <h3>{t('users.reviews')}</h3>
      <Shown of={past}>{(data) => (data.reviews && data.reviews.length > 0 ? <>{data.reviews.map((r) => <div key={r.id} className="gap"><Reviewed review={r} /> <span className="quiet">{moment(r.at, lang)} · {r.by}</span>{r.note ? <Foreign text={r.note} /> : null}</div>)}</> : <Nothing title={t('users.no_reviews')} />)}</Shown>
    </Modal>
  )
}
