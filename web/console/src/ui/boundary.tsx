import { Component, type ReactNode } from 'react'

/** A fault of one page leaves a sentence and a way on, not a white screen. */
export class Boundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false }

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true }
  }

  override render(): ReactNode {
    if (!this.state.broken) return this.props.children
    return (
      <div className="page" role="alert">
        <h1>此页出错了 · This page has failed</h1>
        <p>服务端没有受到影响。请重新载入；若反复出现，请告诉管理员。 / The server is not affected. Load the page again; tell your administrator if it keeps failing.</p>
        <p><button type="button" className="plain-button" onClick={() => window.location.reload()}>重新载入 / Reload</button></p>
      </div>
    )
  }
}
