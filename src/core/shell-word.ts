/** A word as it has to be typed in a shell. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** What has to be typed to mend a file by hand. */
export function editCommand(path: string): string {
  return `\${EDITOR:-vi} ${shellWord(path)}`;
}
