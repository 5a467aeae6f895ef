import { Link } from 'react-router-dom'
import { request } from '../api/client'
import type { EthicsReview, Governance } from '../api/register'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { day } from '../lib/format'
import { Chip, DataTable, Nothing, Page, Panel, Shown } from '../ui/kit'
import { LevelChip, STANDING_TONES, titleOf } from './register_parts'

export default function EthicsReviews() {
  const { t, lang } = useLanguage()
  const loaded = useLoaded(async (signal) => {
    const [of, list] = await Promise.all([request<Governance>('get', '/admin/register/governance', { signal }), request<{ reviews: EthicsReview[] }>('get', '/admin/register/reviews', { signal })])
    return { of, reviews: list.reviews }
  }, [])
  return (
    <Page title={t('nav.ethics')} about={t('ethics.about')}>
      <Panel>
        <Shown of={loaded}>
          {({ of, reviews }) => (
            <DataTable label={t('nav.ethics')} rows={reviews} id={(r) => r.id} mark={(r) => r.standing === 'open' && r.member === true && r.voted === false} empty={<Nothing title={t('ethics.nothing')} hint={t('ethics.nothing_hint')} />} columns={[
              { key: 'name', title: t('ethics.application'), wide: true, show: (r) => <Link to={`/ethics/${encodeURIComponent(r.id)}`}>{r.name ?? r.entry}</Link> },
              { key: 'level', title: t('field.level'), show: (r) => <LevelChip of={of} level={r.level} /> },
              { key: 'path', title: t('ethics.path'), show: (r) => titleOf(of.paths, r.path, lang) },
              { key: 'state', title: t('field.state'), show: (r) => <Chip tone={STANDING_TONES[r.standing]}>{word(t, 'standing', r.standing)}</Chip> },
              { key: 'votes', title: t('ethics.votes'), show: (r) => t('ethics.cast', { cast: r.votes.length, all: r.members.length }) },
              { key: 'due', title: t('ethics.due'), show: (r) => day(r.due, lang) },
              { key: 'until', title: t('ethics.until'), show: (r) => day(r.until, lang) },
            ]} />
          )}
        </Shown>
      </Panel>
    </Page>
  )
}
