/** Everything that was made, undone or left, a line each. */
export function listChanges(changes: readonly string[]): string {
  return changes.map((change) => `  - ${change}\n`).join('');
}
