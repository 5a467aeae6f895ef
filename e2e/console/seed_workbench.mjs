//! The workbench as tests and screenshots find it: a change in the making, with an answer, a hostile title and a shadow run.

const ANSWER = `[[answer]]
id = "demo.returns"
version = 1
questions = ["怎么退货", "退货要几天", "七天无理由怎么退"]
answer = "签收后七天内，商品完好即可在“我的订单”里申请退货；退款在仓库收到后三个工作日内原路退回。"
lang = "zh"
topic = "life.shopping"
apps = []
status = "review"
`

/** Begins a change, edits, runs it on recent requests; gives its id. */
export async function workbench({ editor }) {
  const change = await editor.call('POST', '/admin/workbench/changes', { title: '退货的标准答案 <img src=x onerror="window.__owned=43">', note: '十一月客服常被问到' })
  const at = `/admin/workbench/changes/${change.id}`
  await editor.call('PUT', `${at}/file`, { version: change.version, path: 'demo/answers/returns.toml', text: ANSWER })
  await editor.call('POST', `${at}/shadow`)
  return change.id
}
