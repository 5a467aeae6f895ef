import { Alert, App, Button, Form, Input, Radio } from 'antd'
import { useState } from 'react'
import { Link, useParams } from 'react-router-dom'
import { request } from '../api/client'
import type { EthicsReview, Governance } from '../api/register'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { day, moment, who } from '../lib/format'
import { useSession } from '../session'
import { Chip, DataTable, Facts, Nothing, Page, Panel, sentence, Shown, type Tone } from '../ui/kit'
import { LevelChip, said, STANDING_TONES, titleOf } from './register_parts'

const BALLOT_TONES: Record<string, Tone> = { approve: 'good', conditional: 'warn', reject: 'bad', abstain: 'calm', recuse: 'calm' }

export default function EthicsReviewPage() {
  const { t, lang } = useLanguage()
  const { message, modal } = App.useApp()
  const { id = '' } = useParams()
  const path = `/admin/register/reviews/${encodeURIComponent(id)}`
  const loaded = useLoaded(async (signal) => {
    const [of, review] = await Promise.all([request<Governance>('get', '/admin/register/governance', { signal }), request<EthicsReview>('get', path, { signal })])
    return { of, review }
  }, [id])
  const withdraw = () => modal.confirm({
    title: t('ethics.withdraw'), content: t('ethics.withdraw_about'), okText: t('ethics.withdraw'), cancelText: t('do.cancel'), okButtonProps: { danger: true },
    onOk: async () => { try { await request('delete', path); loaded.reload() } catch (e) { void message.error(sentence(e, t)) } },
  })
  const review = loaded.data?.review
  return (
    <Page title={`${t('nav.ethics')}${review?.name ? ` · ${review.name}` : ''}`} actions={review?.standing === 'open' ? <Button onClick={withdraw}>{t('ethics.withdraw')}</Button> : undefined}>
      <p><Link to="/ethics">{t('nav.ethics')}</Link>{review ? <> · <Link to={`/register/${encodeURIComponent(review.entry)}`}>{review.name ?? review.entry}</Link></> : null}</p>
      <Shown of={loaded}>
        {(data) => {
          const r = data.review
          const way = data.of.paths.find((p) => p.id === r.path)
          return (
            <>
              {r.stale && r.standing !== 'withdrawn' ? <Alert className="gap" type="warning" showIcon message={t('ethics.stale')} /> : null}
              <Panel>
                <Facts of={[
                  [t('field.state'), <Chip key="s" tone={STANDING_TONES[r.standing]}>{word(t, 'standing', r.standing)}</Chip>],
                  [t('field.level'), <LevelChip key="l" of={data.of} level={r.level} />],
                  [t('ethics.path'), titleOf(data.of.paths, r.path, lang)],
                  [t('ethics.opened_by'), `${who(r.opened_by)} · ${moment(r.opened, lang)}`],
                  [t('ethics.due'), moment(r.due, lang)],
                  [t('ethics.until'), day(r.until, lang)],
                ]} />
                <p className="quiet register-terms">{t('ethics.terms', { quorum: r.terms.quorum, percent: r.terms.approve_percent, months: r.terms.again_months })} {r.terms.reject_stops ? t('ethics.reject_stops') : ''}</p>
                {r.note ? <p className="prose">{r.note}</p> : null}
              </Panel>
              {way && way.questions.length > 0 ? <Panel title={t('ethics.questions')}><ul>{way.questions.map((q) => <li key={q.en}>{said(q, lang)}</li>)}</ul></Panel> : null}
              <Panel title={t('ethics.votes')}>
                <DataTable label={t('ethics.votes')} rows={r.members.map((member) => ({ member, vote: r.votes.find((v) => v.member === member) }))} id={(m) => m.member} empty={<Nothing title={t('ethics.nothing')} />} columns={[
                  { key: 'member', title: t('ethics.members'), show: (m) => who(m.member) },
                  { key: 'vote', title: t('ethics.vote'), show: (m) => m.vote ? <Chip tone={BALLOT_TONES[m.vote.vote] ?? 'calm'}>{word(t, 'ballot', m.vote.vote)}</Chip> : <span className="quiet">{t('ethics.waiting')}</span> },
                  { key: 'reason', title: t('ethics.reason'), wide: true, show: (m) => m.vote ? <><span className="prose">{m.vote.reason}</span>{m.vote.conditions ? <div className="prose"><strong>{t('ethics.conditions')}</strong>: {m.vote.conditions}</div> : null}</> : '–' },
                  { key: 'at', title: t('field.at'), show: (m) => moment(m.vote?.at, lang) },
                ]} />
              </Panel>
              {r.standing === 'open' ? <Ballot of={data.of} review={r} path={path} reload={loaded.reload} /> : null}
            </>
          )
        }}
      </Shown>
    </Page>
  )
}

function Ballot(props: { of: Governance; review: EthicsReview; path: string; reload: () => void }) {
  const { t } = useLanguage()
  const { session } = useSession()
  const { message } = App.useApp()
  const [form] = Form.useForm<{ vote: string; reason: string; conditions?: string }>()
  const [busy, setBusy] = useState(false)
  const vote = Form.useWatch('vote', form)
  if (props.review.voted) return <Panel title={t('ethics.your_vote')}><p>{t('ethics.voted')}</p></Panel>
  if (!props.review.member) return <Panel title={t('ethics.your_vote')}><p className="quiet">{t(session?.name === 'admin' ? 'ethics.key_votes' : 'ethics.not_member')}</p></Panel>
  const cast = async (v: { vote: string; reason: string; conditions?: string }) => {
    setBusy(true)
    try {
      await request('post', `${props.path}/votes`, { body: { vote: v.vote, reason: v.reason, conditions: v.vote === 'conditional' ? (v.conditions ?? '') : '' } })
      props.reload()
    } catch (e) { void message.error(sentence(e, t)) }
    setBusy(false)
  }
  return (
    <Panel title={t('ethics.your_vote')}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void cast(v)}>
        <Form.Item name="vote" label={t('ethics.vote')} rules={[{ required: true, message: t('form.needed') }]}><Radio.Group className="choices" options={props.of.ballots.map((b) => ({ value: b, label: word(t, 'ballot', b) }))} /></Form.Item>
        <Form.Item name="reason" label={t('ethics.reason')} rules={[{ required: true, whitespace: true, message: t('form.needed') }]}><Input.TextArea rows={3} maxLength={1000} /></Form.Item>
        {vote === 'conditional' ? <Form.Item name="conditions" label={t('ethics.conditions')} extra={t('ethics.conditions_hint')} rules={[{ required: true, whitespace: true, message: t('form.needed') }]}><Input.TextArea rows={3} maxLength={1000} /></Form.Item> : null}
        <Button type="primary" htmlType="submit" loading={busy}>{t('ethics.vote')}</Button>
      </Form>
    </Panel>
  )
}
