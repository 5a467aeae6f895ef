/** Says last, in a line each, what failed: a log that is cut keeps its end. */
export default class Faults {
  constructor() { this.lines = [] }

  printsToStdio() { return true }

  onTestEnd(test, result) {
    if (result.status === 'passed' || result.status === 'skipped') return
    for (const { message = '' } of result.errors) {
      const plain = message.replace(/\u001b\[[0-9;]*m/g, '').split('\n').map((line) => line.trim()).filter((line) => line !== '')
      this.lines.push(`${result.status}: ${test.title}: ${plain.join(' · ').slice(0, 600)}`)
    }
  }

  onEnd() { for (const line of this.lines) console.log(line) }
}
