import type { Turn } from '../api/contract'
import { useLanguage, word } from '../i18n'
import { Foreign, Nothing } from '../ui/kit'

export function Transcript(props: { turns: readonly Turn[] }) {
  const { t } = useLanguage()
  if (props.turns.length === 0) return <Nothing title={t('transcript.nothing')} />
  return (
    <div role="log" aria-label={t('redteam.transcript')}>
      {props.turns.map((turn, i) => (
        <div key={i} className={`bubble ${turn.speaker}`}>
          <div className="bubble-who">{word(t, 'speaker', turn.speaker)}</div>
          <Foreign text={turn.text} />
          {turn.files?.map((f) => <p key={f.name} className="quiet">{f.name} · {f.media_type}</p>)}
        </div>
      ))}
    </div>
  )
}
