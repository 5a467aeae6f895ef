//! Small choices that this browser keeps: language, theme. Nothing secret.
export function recall(name: string): string | null {
  try {
    return window.localStorage.getItem(`menshen.${name}`)
  } catch {
    return null
  }
}

export function remember(name: string, value: string): void {
  try {
    window.localStorage.setItem(`menshen.${name}`, value)
  } catch {
    // A browser that keeps nothing still works; the choice lasts for this page.
  }
}
