/**
 * The nonce of this page's Content-Security-Policy; empty where no server of ours filled it in.
 *
 * Ant Design passes the nonce to most of the style elements it makes, but not to all (CSS variables, the lock of scrolling behind
 * a dialog). Every style element that a script makes therefore gets it here; markup that was injected as text never does.
 */
const filled = document.querySelector('meta[name="csp-nonce"]')?.getAttribute('content') ?? ''
export const nonce = filled.startsWith('__') ? '' : filled

if (nonce !== '') {
  const create = document.createElement.bind(document)
  document.createElement = ((name: string, options?: ElementCreationOptions) => {
    const element = create(name, options)
    if (element instanceof HTMLStyleElement) element.nonce = nonce
    return element
  }) as typeof document.createElement
}
