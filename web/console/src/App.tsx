import { App as AntApp, ConfigProvider, Skeleton } from 'antd'
import enUS from 'antd/locale/en_US'
import zhCN from 'antd/locale/zh_CN'
import { lazy, Suspense, useCallback, useEffect, useState } from 'react'
import { HashRouter, Navigate, Route, Routes, useLocation } from 'react-router-dom'
import { LanguageProvider } from './i18n'
import type { Lang } from './lib/format'
import { recall, remember } from './lib/remember'
import { ROOMS } from './rooms'
import { SessionProvider, useSession } from './session'
import { Boundary } from './ui/boundary'
import { nonce } from './ui/nonce'
import { Shell } from './ui/shell'
import { themeOf, type Mode } from './ui/theme'

const SetupPage = lazy(() => import('./pages/setup'))
const SignIn = lazy(() => import('./pages/sign_in'))

export type ThemeChoice = 'system' | Mode

const csp = nonce === '' ? {} : { csp: { nonce } }

const asked = window.matchMedia('(prefers-color-scheme: dark)')
const firstLang = (): Lang => {
  const kept = recall('language')
  if (kept === 'zh' || kept === 'en') return kept
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}
const firstTheme = (): ThemeChoice => {
  const kept = recall('theme')
  return kept === 'light' || kept === 'dark' ? kept : 'system'
}

export function App() {
  const [lang, setLangState] = useState<Lang>(firstLang)
  const [choice, setChoiceState] = useState<ThemeChoice>(firstTheme)
  const [dark, setDark] = useState(asked.matches)
  useEffect(() => {
    const change = () => setDark(asked.matches)
    asked.addEventListener('change', change)
    return () => asked.removeEventListener('change', change)
  }, [])
  const mode: Mode = choice === 'system' ? (dark ? 'dark' : 'light') : choice
  useEffect(() => { document.documentElement.dataset.theme = mode }, [mode])
  useEffect(() => { document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en' }, [lang])
  const setLang = useCallback((one: Lang) => { remember('language', one); setLangState(one) }, [])
  const setChoice = useCallback((one: ThemeChoice) => { remember('theme', one); setChoiceState(one) }, [])
  return (
    <ConfigProvider {...csp} theme={themeOf(mode)} locale={lang === 'zh' ? zhCN : enUS} button={{ autoInsertSpace: false }}>
      <AntApp>
        <LanguageProvider lang={lang} setLang={setLang}>
          <Boundary>
            <SessionProvider>
              <HashRouter>
                <Suspense fallback={<div className="page"><Skeleton active /></div>}>
                  <Rooms mode={mode} choice={choice} setChoice={setChoice} />
                </Suspense>
              </HashRouter>
            </SessionProvider>
          </Boundary>
        </LanguageProvider>
      </AntApp>
    </ConfigProvider>
  )
}

function Rooms(props: { mode: Mode; choice: ThemeChoice; setChoice: (one: ThemeChoice) => void }) {
  const { session, setup, problem } = useSession()
  const { pathname } = useLocation()
  const anybody = ROOMS.find((room) => room.open && room.path === pathname)
  if (session === undefined) return <div className="page"><Skeleton active /></div>
  if (session === null && anybody) return <Shell {...props}><Suspense fallback={<div className="page"><Skeleton active /></div>}><anybody.Page mode={props.mode} /></Suspense></Shell>
  if (session === null) {
    const first = setup?.needed === true && !setup.steps.owner && !problem
    return <Shell {...props}>{first ? <SetupPage /> : <SignIn />}</Shell>
  }
  return (
    <Shell {...props}>
      <Suspense fallback={<div className="page"><Skeleton active /></div>}>
        <Routes>
          <Route path="/" element={<Navigate to="/try" replace />} />
          {ROOMS.map(({ path, Page }) => <Route key={path} path={path} element={<Page mode={props.mode} />} />)}
          <Route path="*" element={<Navigate to="/try" replace />} />
        </Routes>
      </Suspense>
    </Shell>
  )
}
