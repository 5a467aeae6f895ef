import { BarChart, LineChart } from 'echarts/charts'
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from 'echarts/components'
import * as echarts from 'echarts/core'
import type { EChartsCoreOption } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { useEffect, useRef } from 'react'
import type { Mode } from './theme'

echarts.use([BarChart, LineChart, GridComponent, LegendComponent, TooltipComponent, AriaComponent, CanvasRenderer])

/** Colours that stay apart for the colour-blind, 3:1 or more against the ground of either theme. */
export const PALETTE: Record<Mode, readonly string[]> = {
  light: ['#2f8486', '#b3541e', '#5b5fc7', '#a8326b', '#5d7a12', '#8a6d00', '#3d6fb4', '#6b6f6e'],
  dark: ['#4db6ac', '#ee9a5f', '#9aa0f5', '#ee86b4', '#a9cf5a', '#e0bf4a', '#7fb2f0', '#aab3b0'],
}
const INK: Record<Mode, { text: string; line: string; ground: string }> = {
  light: { text: '#48524f', line: '#e2e6e4', ground: '#ffffff' },
  dark: { text: '#b3bdba', line: '#2b3231', ground: '#202625' },
}

export interface Series { name: string; values: readonly number[]; color: string }

export function TimeChart(props: { mode: Mode; kind: 'bar' | 'line'; stack: boolean; ticks: readonly string[]; series: readonly Series[]; label: string; onPick?: (index: number) => void }) {
  const box = useRef<HTMLDivElement>(null)
  const chart = useRef<echarts.ECharts | null>(null)
  const pick = useRef(props.onPick)
  useEffect(() => { pick.current = props.onPick })
  useEffect(() => {
    if (!box.current) return undefined
    const made = echarts.init(box.current, undefined, { renderer: 'canvas' })
    chart.current = made
    made.getZr().on('click', (event) => {
      const at: unknown = made.convertFromPixel({ gridIndex: 0 }, [event.offsetX, event.offsetY])
      const index = Array.isArray(at) ? Number(at[0]) : NaN
      if (Number.isInteger(index) && index >= 0 && made.containPixel({ gridIndex: 0 }, [event.offsetX, event.offsetY])) pick.current?.(index)
    })
    const watch = new ResizeObserver(() => made.resize())
    watch.observe(box.current)
    return () => { watch.disconnect(); made.dispose(); chart.current = null }
  }, [])
  useEffect(() => {
    const ink = INK[props.mode]
    const option: EChartsCoreOption = {
      animation: false,
      textStyle: { fontFamily: 'inherit', color: ink.text },
      aria: { enabled: false },
      // Rich text is drawn; the other kind of tooltip is written as HTML with style attributes, which the page's policy forbids.
      tooltip: { trigger: 'axis', renderMode: 'richText', backgroundColor: ink.ground, borderColor: ink.line, textStyle: { color: ink.text, fontSize: 12 }, confine: true },
      legend: { type: 'plain', bottom: 0, textStyle: { color: ink.text }, itemWidth: 12, itemHeight: 8 },
      grid: { left: 8, right: 28, top: 12, bottom: props.series.length > 4 ? 58 : 36, containLabel: true },
      xAxis: { type: 'category', data: [...props.ticks], axisLabel: { color: ink.text, hideOverlap: true }, axisLine: { lineStyle: { color: ink.line } }, axisTick: { show: false } },
      yAxis: { type: 'value', minInterval: 1, axisLabel: { color: ink.text }, splitLine: { lineStyle: { color: ink.line } } },
      series: props.series.map((s) => ({ name: s.name, type: props.kind, data: [...s.values], stack: props.stack ? 'all' : undefined, color: s.color, symbol: 'none', barMaxWidth: 22, lineStyle: { width: 2 } })),
    }
    chart.current?.setOption(option, true)
  })
  return <div ref={box} className="chart" role="img" aria-label={props.label} />
}
