import { theme as antd, type ThemeConfig } from 'antd'

export type Mode = 'light' | 'dark'

const font = 'system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Micro Hei", sans-serif'
export const mono = 'ui-monospace, "SF Mono", Menlo, Consolas, "Noto Sans Mono CJK SC", "WenQuanYi Micro Hei Mono", monospace'

/** Ant Design's own greys and status colours miss WCAG AA as text; these do not. */
export function themeOf(mode: Mode): ThemeConfig {
  const light = mode === 'light'
  return {
    cssVar: true,
    hashed: false,
    algorithm: light ? antd.defaultAlgorithm : antd.darkAlgorithm,
    token: {
      colorPrimary: light ? '#0f6466' : '#4db6ac',
      colorInfo: light ? '#0f5f8a' : '#6db7e0',
      colorLink: light ? '#0b5c73' : '#7cc7dd',
      colorLinkHover: light ? '#08404f' : '#a9e0ef',
      colorLinkActive: light ? '#08404f' : '#a9e0ef',
      colorError: light ? '#b3261e' : '#ff8a80',
      colorSuccess: light ? '#1e6f36' : '#7fcf95',
      colorWarning: light ? '#8a5200' : '#f0b45a',
      // What is derived from the dark tones above is muddy; the chips' grounds are not.
      colorInfoBg: light ? '#dcedf6' : '#12334a',
      colorInfoBorder: light ? '#9cc4dc' : '#24597d',
      colorSuccessBg: light ? '#dff1e3' : '#15351f',
      colorSuccessBorder: light ? '#9fd0ad' : '#2b6a3e',
      colorWarningBg: light ? '#fbecd0' : '#402c08',
      colorWarningBorder: light ? '#e3bd7a' : '#7a5612',
      colorErrorBg: light ? '#fbe0dd' : '#4a1814',
      colorErrorBorder: light ? '#e5a09a' : '#8a332b',
      colorBgLayout: light ? '#f5f6f4' : '#101413',
      colorBgContainer: light ? '#ffffff' : '#181d1c',
      colorBgElevated: light ? '#ffffff' : '#202625',
      colorText: light ? '#1a2221' : '#e6ebea',
      colorTextSecondary: light ? '#48524f' : '#b3bdba',
      colorTextTertiary: light ? '#59635f' : '#9fa9a6',
      colorTextQuaternary: light ? '#5f6965' : '#98a29f',
      colorTextDescription: light ? '#59635f' : '#9fa9a6',
      colorTextPlaceholder: light ? '#66706c' : '#929c99',
      colorTextHeading: light ? '#111817' : '#f2f6f5',
      colorBorder: light ? '#b9c1be' : '#414a48',
      colorBorderSecondary: light ? '#e2e6e4' : '#2b3231',
      borderRadius: 6,
      fontFamily: font,
      fontFamilyCode: mono,
      fontSize: 14,
      // Motion is short; with `prefers-reduced-motion` it is none (app.css).
      motionUnit: 0.06,
    },
    components: {
      Button: light ? {} : { primaryColor: '#06201e', dangerColor: '#2b0705' },
      Segmented: { itemColor: light ? '#48524f' : '#b3bdba' },
    },
  }
}
