import { List } from './incidents'

export default function Drills() {
  return <List drill />
}
